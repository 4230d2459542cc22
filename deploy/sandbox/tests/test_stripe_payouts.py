"""Payouts: where they go, how they end, what the balance and the book say."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import stripe
from sandbox_process import until
from stripe_acts import onboard, onboarded, paid

HOUR = 3600
DAY = 24 * HOUR
WEEK = 7 * DAY


@pytest.fixture
def account(api):
    """An onboarded account that is paid out by hand."""
    made = onboarded(api)
    return manual(api, made.id)


def manual(api, account_id):
    return api.v1.accounts.update(
        account_id, {"settings": {"payouts": {"schedule": {"interval": "manual"}}}}
    )


def funded(api, account, amount=10_000):
    """Money in the account's available balance."""
    intent = paid(api, 2 * amount, "pm_card_bypassPending")
    api.v1.transfers.create(
        {
            "amount": amount,
            "currency": "usd",
            "destination": account.id,
            "source_transaction": intent.latest_charge,
        }
    )
    return {"stripe_account": account.id}


def advance(control, seconds):
    control.post("/clock/advance", json={"seconds": seconds}).raise_for_status()


def available(api, there):
    balance = api.v1.balance.retrieve(options=there)
    return next(one.amount for one in balance.available if one.currency == "usd")


def events(api, there, kind):
    return api.v1.events.list({"type": kind}, there).data


def reach(api, control, payout, status, there):
    """Move the clock, as far as each status lasts, until the payout has this one."""
    while payout.status in {"pending", "in_transit"} and payout.status != status:
        advance(control, HOUR + 1 if payout.status == "pending" else 5 * DAY)
        payout = until(lambda known=payout: _moved_on(api, known, there))
    assert payout.status == status
    return payout


def _moved_on(api, payout, there):
    known = api.v1.payouts.retrieve(payout.id, options=there)
    return known if known.status != payout.status else None


def test_a_payout_goes_from_pending_to_paid(api, control, account):
    there = funded(api, account)
    payout = api.v1.payouts.create(
        {
            "amount": 6000,
            "currency": "usd",
            "metadata": {"why": "test"},
            "statement_descriptor": "OPSIDE",
        },
        there,
    )
    assert (payout.status, payout.method, payout.automatic) == ("pending", "standard", False)
    assert payout.destination == account.external_accounts.data[0].id
    assert available(api, there) == 4000
    assert payout.arrival_date > payout.created
    done = reach(api, control, payout, "paid", there)
    assert done.trace_id.status == "supported"
    whole = api.v1.payouts.retrieve(
        payout.id, {"expand": ["destination", "balance_transaction.source"]}, there
    )
    assert whole.destination.last4 == "6789"
    assert (whole.balance_transaction.type, whole.balance_transaction.net) == ("payout", -6000)
    assert whole.balance_transaction.source.id == payout.id
    told = [
        one.type
        for one in api.v1.events.list({"types": ["payout.*"]}, there).data
        if one.data.object.id == payout.id
    ]
    assert told == ["payout.paid", "payout.updated", "payout.created"]
    assert [one.id for one in api.v1.payouts.list({"status": "paid"}, there).data] == [payout.id]
    changed = api.v1.payouts.update(payout.id, {"metadata": {"more": "1"}}, there)
    assert changed.metadata.to_dict() == {"why": "test", "more": "1"}


def test_no_more_is_paid_out_than_is_available(api, account):
    there = funded(api, account, 5000)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.payouts.create({"amount": 5001, "currency": "usd"}, there)
    assert caught.value.code == "balance_insufficient"
    api.v1.payouts.create({"amount": 5000, "currency": "usd"}, there)
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.payouts.create({"amount": 1, "currency": "usd"}, there)


def test_pending_money_is_paid_out_when_it_becomes_available(api, control, account):
    intent = paid(api, 5000)
    api.v1.transfers.create(
        {
            "amount": 3000,
            "currency": "usd",
            "destination": account.id,
            "source_transaction": intent.latest_charge,
        }
    )
    there = {"stripe_account": account.id}
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.payouts.create({"amount": 3000, "currency": "usd"}, there)
    assert api.v1.balance.retrieve(options=there).pending[0].amount == 3000
    advance(control, 2 * DAY + 1)
    assert available(api, there) == 3000
    assert api.v1.payouts.create({"amount": 3000, "currency": "usd"}, there).status == "pending"


def test_a_pending_payout_is_canceled_and_a_sent_one_is_not(api, control, account):
    there = funded(api, account)
    payout = api.v1.payouts.create({"amount": 4000, "currency": "usd"}, there)
    canceled = api.v1.payouts.cancel(payout.id, {"expand": ["failure_balance_transaction"]}, there)
    assert (canceled.status, canceled.failure_balance_transaction.net) == ("canceled", 4000)
    assert canceled.failure_balance_transaction.type == "payout_cancel"
    assert available(api, there) == 10_000
    with pytest.raises(stripe.InvalidRequestError, match="canceled"):
        api.v1.payouts.cancel(payout.id, options=there)
    assert events(api, there, "payout.canceled")
    other = api.v1.payouts.create({"amount": 4000, "currency": "usd"}, there)
    reach(api, control, other, "in_transit", there)
    with pytest.raises(stripe.InvalidRequestError, match="in_transit"):
        api.v1.payouts.cancel(other.id, options=there)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("000111111116", "no_account"),
        ("000111111113", "account_closed"),
        ("000222222227", "insufficient_funds"),
        ("000333333335", "debit_not_authorized"),
        ("000444444440", "invalid_currency"),
    ],
)
def test_a_bad_bank_account_sends_the_money_back(api, control, number, code):
    made = api.v1.accounts.create(
        {"type": "express", "capabilities": {"transfers": {"requested": True}}}
    )
    onboard(api, made.id, account_number=number)
    manual(api, made.id)
    there = funded(api, made)
    payout = api.v1.payouts.create({"amount": 10_000, "currency": "usd"}, there)
    failed = reach(api, control, payout, "failed", there)
    assert failed.failure_code == code
    assert failed.failure_message
    assert available(api, there) == 10_000
    known = api.v1.accounts.retrieve(made.id)
    assert (known.payouts_enabled, known.requirements.currently_due) == (
        False,
        ["external_account"],
    )
    assert known.external_accounts.data[0].status == "errored"
    assert known.capabilities.transfers == "active"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.payouts.create({"amount": 1, "currency": "usd"}, there)
    assert caught.value.code == "payouts_not_allowed"
    told = {one.type for one in api.v1.events.list({"limit": 100}, there).data}
    assert {"payout.failed", "account.external_account.updated", "account.updated"} <= told


def test_a_payout_may_fail_when_its_account_is_gone(api, control):
    made = api.v1.accounts.create(
        {"type": "express", "capabilities": {"transfers": {"requested": True}}}
    )
    onboard(api, made.id, account_number="000111111116")
    manual(api, made.id)
    there = funded(api, made, 1000)
    payout = api.v1.payouts.create({"amount": 1000, "currency": "usd"}, there)
    api.v1.accounts.delete(made.id)
    for seconds in (HOUR + 1, 5 * DAY):
        advance(control, seconds)
        until(lambda: _nothing_is_due(control, payout))
    assert control.get("/stripe/jobs").json()["failed"] == []


def _nothing_is_due(control, payout):
    offset = control.get("/clock").json()["offsetSeconds"]
    now = time.time() + offset
    mine = [
        one for one in control.get("/stripe/jobs").json()["waiting"] if one["object"] == payout.id
    ]
    return all(one["due_at"] > now for one in mine)


def test_a_failed_bank_account_is_replaced(api, control):
    made = api.v1.accounts.create({"type": "express"})
    onboard(api, made.id, account_number="000111111116")
    manual(api, made.id)
    there = _fail_one(api, control, made)
    onboard(api, made.id, account_number="000123456789")
    known = api.v1.accounts.retrieve(made.id)
    assert (known.payouts_enabled, known.requirements.currently_due) == (True, [])
    payout = api.v1.payouts.create({"amount": 500, "currency": "usd"}, there)
    assert reach(api, control, payout, "paid", there).id == payout.id


def _fail_one(api, control, made):
    api.v1.accounts.update(made.id, {"capabilities": {"transfers": {"requested": True}}})
    there = funded(api, made, 1000)
    payout = api.v1.payouts.create({"amount": 1000, "currency": "usd"}, there)
    reach(api, control, payout, "failed", there)
    return there


def test_a_paid_payout_can_still_fail(api, control, account):
    there = funded(api, account)
    payout = api.v1.payouts.create({"amount": 10_000, "currency": "usd"}, there)
    where = f"/stripe/payouts/{payout.id}/fail"
    assert control.post(where, params={"account": account.id}).status_code == 409
    reach(api, control, payout, "paid", there)
    assert available(api, there) == 0
    control.post(where, params={"account": account.id}).raise_for_status()
    known = api.v1.payouts.retrieve(payout.id, options=there)
    assert (known.status, known.failure_code) == ("failed", "account_closed")
    assert available(api, there) == 10_000
    assert control.post(where, params={"account": account.id}).status_code == 409


def test_instant_payouts_need_a_card_that_takes_them(api, control, account):
    there = funded(api, account)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.payouts.create({"amount": 1000, "currency": "usd", "method": "instant"}, there)
    assert caught.value.code == "instant_payouts_unsupported"
    assert "instant_available" not in api.v1.balance.retrieve(options=there)
    card = api.v1.accounts.external_accounts.create(
        account.id, {"external_account": "tok_visa_debit"}
    )
    assert card.available_payout_methods == ["standard", "instant"]
    assert api.v1.balance.retrieve(options=there).instant_available[0].amount == 10_000
    params = {"currency": "usd", "method": "instant", "destination": card.id}
    with pytest.raises(stripe.InvalidRequestError):  # nothing is left for the fee
        api.v1.payouts.create({**params, "amount": 10_000}, there)
    payout = api.v1.payouts.create({**params, "amount": 9000}, there)
    assert (payout.type, payout.arrival_date - payout.created) == ("card", 60)
    assert available(api, there) == 1000 - 90
    advance(control, 2)
    moving = until(lambda: _moved_on(api, payout, there))
    advance(control, 61)
    assert until(lambda: _moved_on(api, moving, there)).status == "paid"


def test_a_payout_is_reversed_once(api, control, account):
    there = funded(api, account)
    payout = api.v1.payouts.create({"amount": 7000, "currency": "usd"}, there)
    with pytest.raises(stripe.InvalidRequestError, match="pending"):
        api.v1.payouts.reverse(payout.id, options=there)
    reach(api, control, payout, "paid", there)
    back = api.v1.payouts.reverse(payout.id, {"metadata": {"why": "wrong bank"}}, there)
    assert (back.amount, back.original_payout) == (-7000, payout.id)
    assert api.v1.payouts.retrieve(payout.id, options=there).reversed_by == back.id
    assert available(api, there) == 3000
    with pytest.raises(stripe.InvalidRequestError, match="already been reversed"):
        api.v1.payouts.reverse(payout.id, options=there)
    reach(api, control, back, "paid", there)
    assert available(api, there) == 10_000


def test_express_accounts_are_paid_out_by_themselves(api, control):
    account = onboarded(api)
    schedule = account.settings.payouts.schedule
    assert (schedule.interval, schedule.delay_days) == ("daily", 2)
    there = funded(api, account)
    advance(control, 3 * DAY)
    payout = until(lambda: api.v1.payouts.list(options=there).data)[0]
    assert (payout.amount, payout.automatic, payout.description) == (10_000, True, "STRIPE PAYOUT")
    assert available(api, there) == 0
    with pytest.raises(stripe.InvalidRequestError, match="automatic"):
        api.v1.payouts.cancel(payout.id, options=there)
    sent = api.v1.balance_transactions.list({"payout": payout.id}, there).data
    assert [(one.type, one.net) for one in sent] == [("payout", -10_000), ("payment", 10_000)]
    moving = reach(api, control, payout, "in_transit", there)
    assert moving.reconciliation_status == "completed"
    reach(api, control, moving, "paid", there)
    assert events(api, there, "payout.reconciliation_completed")


def next_run(control, account):
    """When the account's next automatic payout is made."""
    [run] = [
        one
        for one in control.get("/stripe/jobs").json()["waiting"]
        if (one["kind"], one["account"]) == ("payout_run", account.id)
    ]
    return datetime.fromtimestamp(round(run["due_at"]), UTC)


def test_a_schedule_is_followed(api, control):
    account = onboarded(api)
    weekly = {"interval": "weekly", "weekly_anchor": "wednesday"}
    known = api.v1.accounts.update(account.id, {"settings": {"payouts": {"schedule": weekly}}})
    assert known.settings.payouts.schedule.weekly_payout_days == ["wednesday"]
    there = funded(api, account)
    assert next_run(control, account).strftime("%A %H:%M") == "Wednesday 00:00"
    advance(control, WEEK + DAY)
    [payout] = until(lambda: api.v1.payouts.list(options=there).data)
    assert payout.automatic
    with pytest.raises(stripe.InvalidRequestError, match="weekly_anchor"):
        api.v1.accounts.update(
            account.id,
            {"settings": {"payouts": {"schedule": {**weekly, "interval": "daily"}}}},
        )


def test_a_monthly_payout_comes_on_the_last_day_of_a_short_month(api, control):
    account = onboarded(api)
    monthly = {"interval": "monthly", "monthly_anchor": 31}
    api.v1.accounts.update(account.id, {"settings": {"payouts": {"schedule": monthly}}})
    there = funded(api, account)
    run = next_run(control, account)
    assert (run + timedelta(days=1)).day == 1
    advance(control, 5 * WEEK)
    assert until(lambda: api.v1.payouts.list(options=there).data)[0].automatic


def test_an_account_pays_its_debts_from_its_bank_account(api, control):
    account = onboarded(api)
    there = {"stripe_account": account.id}
    intent = api.v1.payment_intents.create(
        {
            "amount": 5000,
            "currency": "usd",
            "payment_method": "pm_card_bypassPending",
            "capture_method": "automatic",
            "confirm": True,
            "return_url": "https://app.test",
        },
        there,
    )
    manual(api, account.id)
    charged = 5000 - 175
    api.v1.payouts.create({"amount": charged, "currency": "usd"}, there)
    api.v1.refunds.create({"payment_intent": intent.id}, there)
    assert available(api, there) == -5000
    api.v1.accounts.update(
        account.id, {"settings": {"payouts": {"schedule": {"interval": "daily"}}}}
    )
    advance(control, 4 * DAY)
    until(lambda: available(api, there) == 0)
    newest = api.v1.payouts.list(options=there).data[0]
    assert (newest.amount, newest.automatic) == (-5000, True)


def test_the_platform_is_paid_out_by_hand(api):
    paid(api, 20_000, "pm_card_bypassPending")
    payout = api.v1.payouts.create({"amount": 1000, "currency": "usd"})
    assert payout.destination.startswith("ba_")
    assert api.v1.payouts.cancel(payout.id).status == "canceled"


def test_an_account_that_is_not_onboarded_gets_no_payout(api):
    account = api.v1.accounts.create({"type": "express"})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.payouts.create({"amount": 1, "currency": "usd"}, {"stripe_account": account.id})
    assert caught.value.code == "payouts_not_allowed"


def test_the_book_knows_every_payout(control):
    book = control.get("/stripe/books").json()
    assert book["unbalanced"] == 0
    assert all(one["sum"] == 0 for one in book["currencies"].values())
    assert book["currencies"]["usd"]["payouts"] > 0
