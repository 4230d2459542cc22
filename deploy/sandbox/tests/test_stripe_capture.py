"""Authorized first, captured by hand: the whole, a part, too late, or not at all."""

import pytest
import stripe
from sandbox_process import until
from stripe_acts import customer_with, intent_for

DAY = 24 * 3600


@pytest.fixture
def held(api):
    """An intent with 50.00 USD authorized."""
    customer, method = customer_with(api)
    intent = intent_for(api, customer, method, 5000, capture_method="manual")
    return api.v1.payment_intents.confirm(intent.id, {"off_session": True})


def usd(control):
    return control.get("/stripe/books").json()["currencies"].get("usd", {"charges_gross": 0})


def told(api, intent):
    known = api.v1.events.list({"types": ["charge.*", "payment_intent.*"], "limit": 100}).data
    return [
        one.type for one in known if intent.id in {one.data.object.id, _intent_of(one.data.object)}
    ]


def _intent_of(subject):
    return getattr(subject, "payment_intent", None)


def test_authorized_money_has_not_moved(api, control, held):
    before = usd(control)["charges_gross"]
    assert (held.status, held.amount_capturable, held.amount_received) == (
        "requires_capture",
        5000,
        0,
    )
    charge = api.v1.charges.retrieve(held.latest_charge)
    assert (charge.paid, charge.captured, charge.balance_transaction) == (True, False, None)
    assert charge.payment_method_details.card.capture_before == charge.created + 7 * DAY
    assert usd(control)["charges_gross"] == before
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.refunds.create({"charge": held.latest_charge})


def test_a_part_is_captured_and_the_rest_released(api, control, held):
    before = usd(control)["charges_gross"]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.payment_intents.capture(held.id, {"amount_to_capture": 5001})
    assert caught.value.code == "amount_too_large"
    taken = api.v1.payment_intents.capture(
        held.id, {"amount_to_capture": 3000, "metadata": {"order": "7"}}
    )
    assert (taken.status, taken.amount_received, taken.amount_capturable) == ("succeeded", 3000, 0)
    assert taken.metadata["order"] == "7"
    charge = api.v1.charges.retrieve(held.latest_charge, {"expand": ["balance_transaction"]})
    assert (charge.amount_captured, charge.amount_refunded, charge.refunded) == (3000, 2000, False)
    assert (charge.balance_transaction.amount, charge.balance_transaction.fee) == (3000, 117)
    assert usd(control)["charges_gross"] - before == 3000
    with pytest.raises(stripe.InvalidRequestError, match="3000"):
        api.v1.refunds.create({"charge": charge.id, "amount": 3001})
    assert api.v1.refunds.create({"charge": charge.id}).amount == 3000
    for again in (api.v1.payment_intents.capture, api.v1.payment_intents.cancel):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            again(held.id)
        assert caught.value.code == "payment_intent_unexpected_state"
    assert "payment_intent.amount_capturable_updated" in told(api, held)
    assert {"charge.captured", "payment_intent.succeeded"} <= set(told(api, held))


def test_a_canceled_authorization_is_released(api, held):
    canceled = api.v1.payment_intents.cancel(held.id, {"cancellation_reason": "duplicate"})
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "duplicate")
    assert canceled.amount_capturable == 0
    charge = api.v1.charges.retrieve(held.latest_charge)
    assert (charge.refunded, charge.amount_refunded, charge.captured) == (True, 5000, False)
    assert {"charge.refunded", "payment_intent.canceled"} <= set(told(api, held))
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.payment_intents.capture(held.id)


def test_an_authorization_expires_after_a_week(api, control, held):
    control.post("/clock/advance", json={"seconds": 7 * DAY + 1})
    gone = until(
        lambda: (known := api.v1.payment_intents.retrieve(held.id)).status == "canceled" and known
    )
    assert gone.cancellation_reason == "automatic"
    assert {"charge.expired", "payment_intent.canceled"} <= set(told(api, held))
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.payment_intents.capture(held.id)


def test_a_captured_intent_does_not_expire(api, control, held):
    api.v1.payment_intents.capture(held.id)
    control.post("/clock/advance", json={"seconds": 8 * DAY})
    until(
        lambda: (
            not any(
                one["kind"] == "expire_authorization" and one["object"] == held.id
                for one in control.get("/stripe/jobs").json()["waiting"]
            )
        )
    )
    assert api.v1.payment_intents.retrieve(held.id).status == "succeeded"
