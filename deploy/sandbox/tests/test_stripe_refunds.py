"""Refunds and their bounds; the book says the same."""

import pytest
import stripe
from sandbox_process import until
from stripe_acts import onboarded, paid


def test_a_refund_in_parts_up_to_the_charge(api, control):
    before = control.get("/stripe/books").json()["currencies"].get("usd", {"refunds": 0})
    intent = paid(api, 5000)
    first = api.v1.refunds.create({"payment_intent": intent.id, "amount": 2000})
    assert first.status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        api.v1.refunds.create({"charge": intent.latest_charge, "amount": 3001})
    rest = api.v1.refunds.create({"charge": intent.latest_charge, "metadata": {"why": "test"}})
    assert rest.amount == 3000
    charge = api.v1.charges.retrieve(
        intent.latest_charge, {"expand": ["refunds", "refunds.data.balance_transaction"]}
    )
    assert (charge.amount_refunded, charge.refunded) == (5000, True)
    assert [one.balance_transaction.net for one in charge.refunds.data] == [-3000, -2000]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.refunds.create({"charge": intent.latest_charge})
    assert caught.value.code == "charge_already_refunded"
    after = control.get("/stripe/books").json()["currencies"]["usd"]
    assert after["refunds"] - before["refunds"] == 5000
    assert after["sum"] == 0


def test_a_refund_needs_a_paid_charge(api):
    intent = api.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError, match="successful charge"):
        api.v1.refunds.create({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError, match="payment_intent or charge"):
        api.v1.refunds.create({})
    with pytest.raises(stripe.InvalidRequestError, match="associated transfer"):
        api.v1.refunds.create({"payment_intent": paid(api).id, "reverse_transfer": True})


def test_a_pending_refund_succeeds_later(api, control):
    intent = paid(api, 2000, "pm_card_pendingRefund")
    refund = api.v1.refunds.create({"payment_intent": intent.id})
    assert (refund.status, refund.pending_reason) == ("pending", "processing")
    control.post("/clock/advance", json={"seconds": 2})
    until(lambda: api.v1.refunds.retrieve(refund.id).status == "succeeded")


def test_a_failed_refund_brings_the_money_back(api, control):
    intent = paid(api, 2000, "pm_card_refundFail")
    before = control.get("/stripe/books").json()["currencies"]["usd"]
    refund = api.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "succeeded"
    control.post("/clock/advance", json={"seconds": 2})
    until(lambda: api.v1.refunds.retrieve(refund.id).status == "failed")
    known = api.v1.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]})
    assert known.failure_balance_transaction.net == 2000
    after = control.get("/stripe/books").json()["currencies"]["usd"]
    assert after["platform_balance"] == before["platform_balance"]
    assert api.v1.charges.retrieve(intent.latest_charge).amount_refunded == 0


def test_a_refund_of_a_card_is_not_canceled(api):
    refund = api.v1.refunds.create({"payment_intent": paid(api).id})
    with pytest.raises(stripe.InvalidRequestError, match="require action"):
        api.v1.refunds.cancel(refund.id)


def test_the_payment_of_a_transfer_is_reversed_not_refunded(api):
    intent, account = paid(api, 5000), onboarded(api)
    transfer = api.v1.transfers.create(
        {
            "amount": 1000,
            "currency": "usd",
            "destination": account.id,
            "source_transaction": intent.latest_charge,
        }
    )
    there = {"stripe_account": account.id}
    with pytest.raises(stripe.InvalidRequestError, match="reverses the transfer"):
        api.v1.refunds.create({"charge": transfer.destination_payment}, there)
    with pytest.raises(stripe.InvalidRequestError, match="by the platform"):
        api.v1.transfers.create({"amount": 1, "currency": "usd", "destination": account.id}, there)
