"""Express accounts, onboarding, transfers and their reversals."""

import httpx
import pytest
import stripe
from stripe_acts import onboard, onboarded, paid

CONTROLLER = {
    "stripe_dashboard": {"type": "express"},
    "fees": {"payer": "application"},
    "losses": {"payments": "application"},
    "requirement_collection": "stripe",
}


def test_an_account_becomes_ready_through_the_onboarding_page(api):
    account = api.v1.accounts.create(
        {
            "controller": CONTROLLER,
            "country": "US",
            "email": "seller@example.com",
            "capabilities": {"transfers": {"requested": True}},
            "metadata": {"user": "u1"},
        }
    )
    assert account.capabilities.transfers == "inactive"
    assert "external_account" in account.requirements.currently_due
    with pytest.raises(stripe.InvalidRequestError, match="onboarding"):
        api.v1.accounts.login_links.create(account.id)
    refused = onboard(api, account.id, account_number="12345")
    assert refused.status_code == 400
    assert not api.v1.accounts.retrieve(account.id).details_submitted
    assert onboard(api, account.id, decision="later").status_code == 302
    assert not api.v1.accounts.retrieve(account.id).details_submitted
    assert onboard(api, account.id).headers["location"] == "https://app.test/done"
    ready = api.v1.accounts.retrieve(account.id)
    assert ready.details_submitted
    assert ready.payouts_enabled
    assert ready.capabilities.transfers == "active"
    assert ready.requirements.currently_due == []
    assert httpx.get(api.v1.accounts.login_links.create(account.id).url).status_code == 200
    [capability] = api.v1.accounts.capabilities.list(account.id).data
    assert (capability.id, capability.status) == ("transfers", "active")


def test_an_onboarding_link_works_once_and_not_for_long(api, control):
    account = api.v1.accounts.create({"type": "express"})
    params = {
        "account": account.id,
        "type": "account_onboarding",
        "refresh_url": "https://app.test/again",
        "return_url": "https://app.test/done",
    }
    link = api.v1.account_links.create(params)
    assert httpx.get(link.url).status_code == 200
    assert httpx.get(link.url).headers["location"] == "https://app.test/again"
    assert httpx.post(link.url, data={"decision": "complete"}).status_code == 404
    late = api.v1.account_links.create(params)
    control.post("/clock/advance", json={"seconds": 301})
    assert httpx.get(late.url).headers["location"] == "https://app.test/again"


@pytest.mark.parametrize(
    "params",
    [{}, {"type": "express", "controller": CONTROLLER}, {"type": "custom"}, {"type": "standard"}],
)
def test_accounts_of_other_kinds_are_refused(api, params):
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.accounts.create(params)


def test_an_unknown_account_is_forbidden(api):
    with pytest.raises(stripe.PermissionError) as caught:
        api.v1.accounts.retrieve("acct_none")
    assert caught.value.error.code == "account_invalid"
    with pytest.raises(stripe.PermissionError):
        api.v1.balance.retrieve(options={"stripe_account": "acct_none"})


def test_a_transfer_of_a_charge_reaches_the_connected_account(api):
    intent, account = paid(api, 10_000), onboarded(api)
    transfer = api.v1.transfers.create(
        {
            "amount": 8000,
            "currency": "usd",
            "destination": account.id,
            "source_transaction": intent.latest_charge,
            "transfer_group": "com_1",
            "metadata": {"commission": "com_1"},
        }
    )
    assert api.v1.charges.retrieve(intent.latest_charge).transfer_group == "com_1"
    listed = api.v1.transfers.list({"transfer_group": "com_1"})
    assert [one.id for one in listed.data] == [transfer.id]
    there = {"stripe_account": account.id}
    balance = api.v1.balance.retrieve(options=there)
    assert balance.pending[0].amount == 8000
    payment = api.v1.charges.retrieve(
        transfer.destination_payment, {"expand": ["balance_transaction"]}, there
    )
    assert payment.balance_transaction.net == 8000
    whole = api.v1.transfers.retrieve(
        transfer.id, {"expand": ["destination_payment", "balance_transaction.source"]}
    )
    assert whole.destination_payment.source_transfer == transfer.id
    assert whole.balance_transaction.source.id == transfer.id


def test_transfers_of_one_charge_stay_within_it(api):
    intent, account = paid(api, 10_000), onboarded(api)
    params = {
        "currency": "usd",
        "destination": account.id,
        "source_transaction": intent.latest_charge,
    }
    first = api.v1.transfers.create({**params, "amount": 6000})
    with pytest.raises(stripe.InvalidRequestError, match="must not exceed"):
        api.v1.transfers.create({**params, "amount": 4001})
    api.v1.transfers.create({**params, "amount": 4000})
    api.v1.transfers.reversals.create(first.id, {"amount": 1000})
    api.v1.transfers.create({**params, "amount": 1000})
    with pytest.raises(stripe.InvalidRequestError, match="must not exceed"):
        api.v1.transfers.create({**params, "amount": 1})


def test_without_a_charge_a_transfer_needs_available_balance(api, control):
    account = onboarded(api)
    params = {"currency": "gbp", "destination": account.id}
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.transfers.create({**params, "amount": 1})
    assert caught.value.code == "balance_insufficient"
    customer = api.v1.customers.create({})
    method = api.v1.payment_methods.attach("pm_card_bypassPending", {"customer": customer.id})
    api.v1.payment_intents.create(
        {
            "amount": 1000,
            "currency": "gbp",
            "customer": customer.id,
            "payment_method": method.id,
            "capture_method": "automatic",
            "confirm": True,
            "off_session": True,
            "return_url": "https://app.test",
        }
    )
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.transfers.create({**params, "amount": 1000})  # the fee is gone from it
    assert api.v1.transfers.create({**params, "amount": 941}).amount == 941


def test_card_money_is_pending_for_two_days(api, control):
    before = api.v1.balance.retrieve()
    paid(api, 3000, "pm_card_visa")
    control.post("/clock/advance", json={"seconds": 1})
    control.post("/clock/advance", json={"seconds": 2 * 24 * 3600 + 10})

    def of(balance, part):
        return next(one.amount for one in getattr(balance, part) if one.currency == "usd")

    after = api.v1.balance.retrieve()
    assert of(after, "available") >= of(before, "available") + 3000 - 117


def test_an_account_that_is_not_ready_gets_no_transfer(api):
    intent = paid(api)
    account = api.v1.accounts.create(
        {"type": "express", "capabilities": {"transfers": {"requested": True}}}
    )
    params = {
        "amount": 100,
        "currency": "usd",
        "destination": account.id,
        "source_transaction": intent.latest_charge,
    }
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.transfers.create(params)
    assert caught.value.code == "insufficient_capabilities_for_transfer"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.transfers.create({**params, "destination": "acct_none"})
    assert caught.value.code == "resource_missing"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.transfers.create({**params, "destination": onboarded(api).id, "currency": "eur"})
    assert caught.value.param == "currency"


def test_a_transfer_is_reversed_in_parts_and_no_further(api):
    intent, account = paid(api, 10_000), onboarded(api)
    transfer = api.v1.transfers.create(
        {
            "amount": 8000,
            "currency": "usd",
            "destination": account.id,
            "source_transaction": intent.latest_charge,
        }
    )
    part = api.v1.transfers.reversals.create(transfer.id, {"amount": 3000, "metadata": {"a": "1"}})
    known = api.v1.transfers.retrieve(transfer.id)
    assert (known.amount_reversed, known.reversed) == (3000, False)
    assert [one.id for one in known.reversals.data] == [part.id]
    with pytest.raises(stripe.InvalidRequestError, match="greater than the unreversed"):
        api.v1.transfers.reversals.create(transfer.id, {"amount": 5001})
    rest = api.v1.transfers.reversals.create(transfer.id)
    assert rest.amount == 5000
    assert api.v1.transfers.retrieve(transfer.id).reversed
    with pytest.raises(stripe.InvalidRequestError, match="already fully reversed"):
        api.v1.transfers.reversals.create(transfer.id)
    assert len(api.v1.transfers.reversals.list(transfer.id).data) == 2
    assert api.v1.transfers.reversals.retrieve(transfer.id, part.id).metadata["a"] == "1"
    balance = api.v1.balance.retrieve(options={"stripe_account": account.id})
    assert balance.pending[0].amount == 0
