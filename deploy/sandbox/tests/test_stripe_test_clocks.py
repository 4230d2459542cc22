"""Subscriptions in the course of time, on a test clock and on the sandbox's own."""

from datetime import UTC, datetime

import httpx
import pytest
import stripe
from billing_acts import (
    DAY,
    START,
    advance,
    book_of,
    clock_at,
    invoices,
    monthly,
    payer,
    subscribe,
    use_card,
)
from conftest import client_of
from sandbox_process import running, until

pytestmark = pytest.mark.usefixtures("ended_subscriptions")
HOUR = 3600
FEBRUARY = START + 31 * DAY
MARCH = FEBRUARY + 28 * DAY


def of_types(api, *types):
    return [
        one.data.object for one in api.v1.events.list({"types": list(types), "limit": 100}).data
    ]


@pytest.fixture
def clock(api):
    made = clock_at(api)
    yield made
    api.v1.test_helpers.test_clocks.delete(made.id)


@pytest.fixture
def endpoint(api, receiver):
    made = api.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
    yield made
    api.v1.webhook_endpoints.delete(made.id)


def test_a_renewal_is_a_draft_for_an_hour_and_then_paid(api, clock, control):
    customer = payer(api, test_clock=clock.id)
    assert (customer.created, customer.test_clock) == (START, clock.id)
    made = subscribe(api, customer, monthly(api))
    assert made["items"].data[0].current_period_end == FEBRUARY
    before = book_of(control)["charges_gross"]
    advance(api, clock, FEBRUARY + 60)
    drafted, _ = invoices(api, made)
    assert (drafted.status, drafted.billing_reason) == ("draft", "subscription_cycle")
    assert (drafted.created, drafted.automatically_finalizes_at) == (FEBRUARY, FEBRUARY + HOUR)
    period = drafted.lines.data[0].period
    assert (period.start, period.end) == (FEBRUARY, MARCH)
    now = api.v1.subscriptions.retrieve(made.id)
    assert now["items"].data[0].current_period_start == FEBRUARY
    assert now.latest_invoice == drafted.id
    advance(api, clock, FEBRUARY + 2 * HOUR)
    paid = api.v1.invoices.retrieve(drafted.id)
    assert (paid.status, paid.status_transitions.paid_at) == ("paid", FEBRUARY + HOUR)
    assert paid.number.endswith("-0002")
    book = book_of(control)
    assert (book["charges_gross"] - before, book["sum"]) == (2000, 0)


def test_every_month_in_between_is_billed_at_its_own_time(api, clock):
    made = subscribe(api, payer(api, test_clock=clock.id), monthly(api))
    advance(api, clock, MARCH)
    advance(api, clock, MARCH + HOUR)
    known = invoices(api, made)
    assert [one.created for one in known] == [MARCH, FEBRUARY, START]
    assert {one.status for one in known} == {"paid"}
    waited = [one.status_transitions.paid_at - one.created for one in known]
    assert waited == [HOUR, HOUR, 0]


def test_the_thirty_first_stays_the_anchor(api):
    clock = clock_at(api, int(datetime(2030, 1, 31, 12, tzinfo=UTC).timestamp()))
    made = subscribe(api, payer(api, test_clock=clock.id), monthly(api))
    ends = [made["items"].data[0].current_period_end]
    advance(api, clock, ends[0] + HOUR)
    ends.append(api.v1.subscriptions.retrieve(made.id)["items"].data[0].current_period_end)
    days = [datetime.fromtimestamp(one, UTC).strftime("%d %b %H") for one in ends]
    assert days == ["28 Feb 12", "31 Mar 12"]
    api.v1.test_helpers.test_clocks.delete(clock.id)


@pytest.mark.parametrize(
    ("policy", "status"), [("cancel", "canceled"), ("unpaid", "unpaid"), ("past_due", "past_due")]
)
def test_failing_retries_end_as_the_account_says(api, clock, control, policy, status):
    control.post("/stripe/billing", json={"after_retries": policy}).raise_for_status()
    customer = payer(api, test_clock=clock.id)
    made = subscribe(api, customer, monthly(api))
    use_card(api, customer.id, "pm_card_chargeCustomerFail")
    failed_at = FEBRUARY + HOUR
    advance(api, clock, failed_at)
    invoice = invoices(api, made)[0]
    assert (invoice.status, invoice.attempt_count) == ("open", 1)
    assert invoice.next_payment_attempt == failed_at + 3 * DAY
    assert api.v1.subscriptions.retrieve(made.id).status == "past_due"
    advance(api, clock, failed_at + 8 * DAY)
    invoice = invoices(api, made)[0]
    assert (invoice.attempt_count, invoice.next_payment_attempt) == (3, failed_at + 15 * DAY)
    advance(api, clock, failed_at + 15 * DAY)
    invoice = invoices(api, made)[0]
    assert (invoice.status, invoice.attempt_count) == ("open", 4)
    assert invoice.next_payment_attempt is None
    after = api.v1.subscriptions.retrieve(made.id)
    assert after.status == status
    control.post("/stripe/billing", json={"after_retries": "cancel"})
    if policy == "cancel":
        assert after.cancellation_details.reason == "payment_failed"
        return
    use_card(api, customer.id, "pm_card_visa")
    assert api.v1.invoices.pay(invoice.id).status == "paid"
    assert api.v1.subscriptions.retrieve(made.id).status == "active"


def test_a_retry_with_a_mended_card_makes_it_active_again(api, clock, receiver, endpoint):
    customer = payer(api, test_clock=clock.id)
    made = subscribe(api, customer, monthly(api))
    use_card(api, customer.id, "pm_card_chargeCustomerFail")
    advance(api, clock, FEBRUARY + HOUR)
    use_card(api, customer.id, "pm_card_visa")
    advance(api, clock, FEBRUARY + HOUR + 3 * DAY)
    assert invoices(api, made)[0].status == "paid"
    assert api.v1.subscriptions.retrieve(made.id).status == "active"
    receiver.wait_for(
        endpoint.secret,
        "invoice.payment_failed",
        "invoice.updated",
        "test_helpers.test_clock.advancing",
        "test_helpers.test_clock.ready",
    )

    def statuses():
        return [
            one["data"]["object"]["status"]
            for one in receiver.events(endpoint.secret)
            if one["type"] == "customer.subscription.updated"
            and "status" in one["data"]["previous_attributes"]
        ]

    until(lambda: sorted(statuses()) == ["active", "past_due"])


def test_authentication_needed_off_session_is_told(api, clock, receiver, endpoint):
    customer = payer(api, test_clock=clock.id)
    made = subscribe(api, customer, monthly(api))
    use_card(api, customer.id, "pm_card_authenticationRequired")
    advance(api, clock, FEBRUARY + HOUR)
    assert api.v1.subscriptions.retrieve(made.id).status == "past_due"
    receiver.wait_for(endpoint.secret, "invoice.payment_action_required")


def test_an_unpaid_beginning_expires_after_23_hours(api, clock):
    customer = payer(api, "pm_card_chargeCustomerFail", test_clock=clock.id)
    made = subscribe(api, customer, monthly(api))
    advance(api, clock, START + 22 * HOUR)
    assert api.v1.subscriptions.retrieve(made.id).status == "incomplete"
    advance(api, clock, START + 23 * HOUR)
    assert api.v1.subscriptions.retrieve(made.id).status == "incomplete_expired"
    invoice = api.v1.invoices.retrieve(made.latest_invoice.id, {"expand": ["payments"]})
    assert (invoice.status, invoice.payments.data[0].status) == ("void", "canceled")
    intent = api.v1.payment_intents.retrieve(invoice.payments.data[0].payment.payment_intent)
    assert (intent.status, intent.cancellation_reason) == ("canceled", "void_invoice")


def test_a_trial_is_free_then_billed(api, clock, receiver, endpoint):
    customer = payer(api, test_clock=clock.id)
    made = subscribe(api, customer, monthly(api), trial_period_days=14)
    assert (made.status, made.trial_end) == ("trialing", START + 14 * DAY)
    assert (made.latest_invoice.status, made.latest_invoice.total) == ("paid", 0)
    assert made.pending_setup_intent is None
    advance(api, clock, START + 11 * DAY)
    receiver.wait_for(endpoint.secret, "customer.subscription.trial_will_end")
    advance(api, clock, START + 14 * DAY + HOUR)
    after = api.v1.subscriptions.retrieve(made.id, {"expand": ["latest_invoice"]})
    assert (after.status, after.latest_invoice.amount_paid) == ("active", 2000)
    assert after.billing_cycle_anchor == START + 14 * DAY


@pytest.mark.parametrize(("behavior", "status"), [("cancel", "canceled"), ("pause", "paused")])
def test_a_trial_that_ends_without_a_card(api, clock, behavior, status):
    customer = payer(api, None, test_clock=clock.id)
    made = subscribe(
        api,
        customer,
        monthly(api),
        trial_period_days=7,
        trial_settings={"end_behavior": {"missing_payment_method": behavior}},
    )
    assert made.pending_setup_intent.startswith("seti_")
    advance(api, clock, START + 7 * DAY)
    assert api.v1.subscriptions.retrieve(made.id).status == status
    if status == "paused":
        use_card(api, customer.id, "pm_card_visa")
        resumed = api.v1.subscriptions.resume(made.id, {"billing_cycle_anchor": "now"})
        assert resumed.status == "active"
        assert resumed["items"].data[0].current_period_start == START + 7 * DAY
        assert invoices(api, made)[0].amount_paid == 2000


def test_a_trial_can_end_early(api, clock):
    made = subscribe(api, payer(api, test_clock=clock.id), monthly(api), trial_period_days=14)
    advance(api, clock, START + DAY)
    after = api.v1.subscriptions.update(made.id, {"trial_end": "now", "expand": ["latest_invoice"]})
    assert (after.status, after.latest_invoice.amount_paid) == ("active", 2000)
    assert after.billing_cycle_anchor == START + DAY


def test_cancellation_at_the_end_of_the_period(api, clock):
    made = subscribe(api, payer(api, test_clock=clock.id), monthly(api))
    api.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    advance(api, clock, FEBRUARY - HOUR)
    assert api.v1.subscriptions.retrieve(made.id).status == "active"
    advance(api, clock, FEBRUARY + HOUR)
    after = api.v1.subscriptions.retrieve(made.id)
    assert (after.status, after.ended_at) == ("canceled", FEBRUARY)
    assert len(invoices(api, made)) == 1


def test_prorations_and_items_come_with_the_next_invoice(api, clock):
    customer = payer(api, test_clock=clock.id)
    made = subscribe(api, customer, monthly(api, 3100))
    advance(api, clock, START + 21 * DAY)
    item = made["items"].data[0]
    dearer = monthly(api, 6200, "Plus")
    api.v1.subscriptions.update(made.id, {"items": [{"id": item.id, "price": dearer.id}]})
    api.v1.invoice_items.create({"customer": customer.id, "amount": 500, "currency": "usd"})
    advance(api, clock, FEBRUARY + HOUR)
    invoice = invoices(api, made)[0]
    assert sorted(line.amount for line in invoice.lines.data) == [-1000, 500, 2000, 6200]
    assert (invoice.status, invoice.amount_paid) == ("paid", 7700)
    prorated = [
        line.parent.invoice_item_details.subscription
        for line in invoice.lines.data
        if line.parent.type == "invoice_item_details" and line.parent.invoice_item_details.proration
    ]
    assert prorated == [made.id, made.id]


def test_paused_collection_voids_what_comes(api, clock):
    made = subscribe(api, payer(api, test_clock=clock.id), monthly(api))
    api.v1.subscriptions.update(made.id, {"pause_collection": {"behavior": "void"}})
    advance(api, clock, FEBRUARY)
    assert invoices(api, made)[0].status == "void"
    api.v1.subscriptions.update(made.id, {"pause_collection": ""})
    advance(api, clock, MARCH + HOUR)
    assert invoices(api, made)[0].status == "paid"


def test_a_sent_invoice_becomes_overdue(api, clock):
    made = subscribe(
        api,
        payer(api, test_clock=clock.id),
        monthly(api),
        collection_method="send_invoice",
        days_until_due=10,
    )
    advance(api, clock, START + HOUR)
    assert invoices(api, made)[0].status == "open"
    advance(api, clock, START + HOUR + 10 * DAY)
    assert api.v1.subscriptions.retrieve(made.id).status == "past_due"
    assert made.latest_invoice.id in [one.id for one in of_types(api, "invoice.overdue")]


def test_a_clock_has_bounds(api, clock):
    clocks = api.v1.test_helpers.test_clocks
    assert clock.id in [one.id for one in clocks.list({"limit": 100}).data]
    for time in (START, START - DAY, START + 3 * 365 * DAY):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            clocks.advance(clock.id, {"frozen_time": time})
        assert caught.value.param == "frozen_time"
    customer = payer(api, test_clock=clock.id)
    for _ in range(3):
        subscribe(api, customer, monthly(api))
    with pytest.raises(stripe.InvalidRequestError):
        subscribe(api, customer, monthly(api))
    with pytest.raises(stripe.InvalidRequestError, match="two intervals"):
        clocks.advance(clock.id, {"frozen_time": MARCH + DAY})
    for _ in range(2):
        api.v1.customers.create({"test_clock": clock.id})
    with pytest.raises(stripe.InvalidRequestError, match="limit of 3 customers"):
        api.v1.customers.create({"test_clock": clock.id})
    assert customer.id in [one.id for one in api.v1.customers.list({"test_clock": clock.id}).data]
    assert customer.id not in [one.id for one in api.v1.customers.list({"limit": 100}).data]


def test_a_deleted_clock_takes_all_along(api):
    clock = clock_at(api)
    customer = payer(api, test_clock=clock.id)
    made = subscribe(api, customer, monthly(api))
    assert api.v1.test_helpers.test_clocks.delete(clock.id).deleted
    assert api.v1.customers.retrieve(customer.id).deleted
    assert api.v1.subscriptions.retrieve(made.id).status == "canceled"


def test_the_sandboxs_own_clock_bills_every_month_too(api, control):
    made = subscribe(api, payer(api), monthly(api))
    first = made["items"].data[0].current_period_end
    now = made.created
    control.post("/clock/advance", json={"seconds": first - now + 40 * DAY})

    def billed():
        known = invoices(api, made)
        return known if [one.status for one in known] == ["paid"] * 3 else None

    assert until(billed)[1].created == first
    api.v1.subscriptions.cancel(made.id)


def tried(control):
    """Deliveries of the renewal's draft that the endpoint has refused so far."""
    rows = control.get("/stripe/webhooks/deliveries").json()
    return [
        one
        for one in rows
        if (one["type"], one["status"]) == ("invoice.created", "pending") and one["attempt"] > 0
    ]


def caught_up(control):
    """Nothing of Billing is due on the sandbox's clock."""
    now = datetime.fromisoformat(control.get("/clock").json()["now"]).timestamp()
    waiting = control.get("/stripe/jobs").json()["waiting"]
    return all(one["due_at"] > now for one in waiting if one["kind"] == "billing")


def test_an_endpoint_that_fails_holds_the_invoice_up(receiver):
    with running() as alone, httpx.Client(base_url=f"{alone.control}/control") as control:
        api = client_of(alone)
        endpoint = api.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
        made = subscribe(api, payer(api), monthly(api))
        receiver.wait_for(endpoint.secret, "invoice.created")
        receiver.answers += [500] * 1000
        end = made["items"].data[0].current_period_end
        control.post("/clock/advance", json={"seconds": end - made.created + 60})
        until(lambda: len(invoices(api, made)) == 2)
        until(lambda: tried(control))
        control.post("/clock/advance", json={"seconds": 2 * HOUR})
        until(lambda: caught_up(control))
        assert invoices(api, made)[0].status == "draft"
        receiver.answers.clear()
        control.post("/clock/advance", json={"seconds": HOUR})
        until(lambda: not tried(control))
        control.post("/clock/advance", json={"seconds": HOUR})
        until(lambda: invoices(api, made)[0].status == "paid")
