"""How subscriptions begin."""

import pytest
import stripe
from billing_acts import book_of, invoices, monthly, payer, subscribe, use_card
from sandbox_process import until
from stripe_acts import browser

pytestmark = pytest.mark.usefixtures("ended_subscriptions")


def test_a_subscription_is_paid_at_once_and_active(api, control):
    before = book_of(control)["charges_gross"]
    price, customer = monthly(api), payer(api)
    made = subscribe(api, customer, price, metadata={"plan": "pro"})
    assert made.status == "active"
    item = made["items"].data[0]
    assert item.price.id == price.id
    assert 28 <= (item.current_period_end - item.current_period_start) / 86400 <= 31
    invoice = made.latest_invoice
    assert (invoice.status, invoice.amount_paid, invoice.billing_reason) == (
        "paid",
        2000,
        "subscription_create",
    )
    assert invoice.number.endswith("-0001")
    assert invoice.parent.subscription_details.subscription == made.id
    assert invoice.parent.subscription_details.metadata["plan"] == "pro"
    [line] = invoice.lines.data
    assert line.pricing.price_details.price == price.id
    assert line.parent.subscription_item_details.subscription_item == item.id
    [payment] = invoice.payments.data
    assert (payment.status, payment.amount_paid) == ("paid", 2000)
    intent = api.v1.payment_intents.retrieve(payment.payment.payment_intent)
    assert (intent.status, intent.amount_received) == ("succeeded", 2000)
    found = api.v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": intent.id}}
    )
    assert [one.invoice for one in found.data] == [invoice.id]
    assert api.v1.invoice_payments.retrieve(payment.id).invoice == invoice.id
    items = api.v1.subscription_items.list({"subscription": made.id})
    assert [one.id for one in items.data] == [item.id]
    book = book_of(control)
    assert (book["charges_gross"] - before, book["sum"]) == (2000, 0)


def test_an_incomplete_subscription_is_completed_in_the_browser(api, sandbox):
    customer = payer(api, None)
    made = subscribe(
        api,
        customer,
        monthly(api),
        payment_behavior="default_incomplete",
        payment_settings={"save_default_payment_method": "on_subscription"},
    )
    assert (made.status, made.latest_invoice.status) == ("incomplete", "open")
    secret = made.latest_invoice.confirmation_secret.client_secret
    intent_id = secret.partition("_secret_")[0]
    status, intent = browser(
        sandbox,
        "POST",
        f"/v1/payment_intents/{intent_id}/confirm",
        client_secret=secret,
        payment_method="pm_card_visa",
    )
    assert (status, intent["status"]) == (200, "succeeded")
    after = api.v1.subscriptions.retrieve(made.id, {"expand": ["default_payment_method"]})
    assert after.status == "active"
    assert after.default_payment_method.customer == customer.id
    assert api.v1.invoices.retrieve(made.latest_invoice.id).status == "paid"


def test_a_declined_first_payment_leaves_it_incomplete_until_another_card_pays(api):
    customer = payer(api, "pm_card_chargeCustomerFail")
    made = subscribe(api, customer, monthly(api))
    assert (made.status, made.latest_invoice.status) == ("incomplete", "open")
    assert (made.latest_invoice.attempted, made.latest_invoice.attempt_count) == (True, 1)
    with pytest.raises(stripe.CardError) as caught:
        api.v1.invoices.pay(made.latest_invoice.id)
    assert caught.value.code == "card_declined"
    method = use_card(api, customer.id, "pm_card_visa")
    paid = api.v1.invoices.pay(made.latest_invoice.id, {"payment_method": method.id})
    assert paid.status == "paid"
    assert api.v1.subscriptions.retrieve(made.id).status == "active"


def test_a_demanded_payment_that_fails_leaves_nothing(api):
    customer = payer(api, "pm_card_chargeCustomerFail")
    with pytest.raises(stripe.CardError) as caught:
        subscribe(api, customer, monthly(api), payment_behavior="error_if_incomplete")
    assert caught.value.error.decline_code == "generic_decline"
    assert api.v1.subscriptions.list({"customer": customer.id, "status": "all"}).data == []
    assert api.v1.payment_intents.list({"customer": customer.id}).data == []


def test_a_customer_without_a_card_cannot_subscribe_at_once(api):
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source") as caught:
        subscribe(api, payer(api, None), monthly(api))
    assert caught.value.code == "resource_missing"


def test_authentication_asked_for_on_session(api, sandbox):
    customer = payer(api, "pm_card_authenticationRequired")
    made = subscribe(api, customer, monthly(api))
    assert made.status == "incomplete"
    [payment] = made.latest_invoice.payments.data
    intent = api.v1.payment_intents.retrieve(payment.payment.payment_intent)
    assert intent.status == "requires_action"
    with pytest.raises(stripe.CardError) as caught:
        subscribe(api, customer, monthly(api), payment_behavior="error_if_incomplete")
    assert caught.value.code == "subscription_payment_intent_requires_action"


def test_an_invoice_that_is_sent_waits_for_the_customer(api):
    made = subscribe(
        api, payer(api), monthly(api), collection_method="send_invoice", days_until_due=14
    )
    assert (made.status, made.latest_invoice.status) == ("active", "draft")
    sent = api.v1.invoices.send_invoice(made.latest_invoice.id)
    assert (sent.status, sent.due_date - sent.effective_at) == ("open", 14 * 86400)
    assert api.v1.invoices.pay(sent.id, {"paid_out_of_band": True}).amount_paid_off_stripe == 2000


def test_events_of_a_subscription(api, receiver):
    endpoint = api.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
    made = subscribe(api, payer(api), monthly(api))
    events = receiver.wait_for(
        endpoint.secret,
        "product.created",
        "price.created",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
        "customer.subscription.created",
    )
    created = next(one for one in events if one["type"] == "customer.subscription.created")
    assert created["data"]["object"]["status"] == "active"
    assert "customer.subscription.updated" not in {one["type"] for one in events}
    api.v1.subscriptions.update(made.id, {"metadata": {"a": "1"}})
    api.v1.subscriptions.cancel(made.id)
    receiver.wait_for(
        endpoint.secret, "customer.subscription.updated", "customer.subscription.deleted"
    )
    api.v1.webhook_endpoints.delete(endpoint.id)


def test_canceling_now_and_at_the_end(api):
    price, customer = monthly(api), payer(api)
    now = api.v1.subscriptions.cancel(
        subscribe(api, customer, price).id, {"cancellation_details": {"feedback": "unused"}}
    )
    assert (now.status, now.cancellation_details.feedback) == ("canceled", "unused")
    assert now.ended_at is not None
    later = subscribe(api, customer, price)
    end = later["items"].data[0].current_period_end
    planned = api.v1.subscriptions.update(later.id, {"cancel_at_period_end": True})
    assert (planned.status, planned.cancel_at) == ("active", end)
    kept = api.v1.subscriptions.update(later.id, {"cancel_at_period_end": False})
    assert (kept.cancel_at, kept.canceled_at) == (None, None)
    listed = api.v1.subscriptions.list({"customer": customer.id}).data
    assert [one.id for one in listed] == [later.id]
    ended = api.v1.subscriptions.list({"customer": customer.id, "status": "canceled"}).data
    assert [one.id for one in ended] == [now.id]
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.subscriptions.update(now.id, {"items": [{"price": price.id}]})


def test_a_new_price_is_prorated_onto_the_next_invoice(api):
    customer = payer(api)
    made = subscribe(api, customer, monthly(api, 3000))
    item, dearer = made["items"].data[0], monthly(api, 6000, "Plus")
    start, end = item.current_period_start, item.current_period_end
    half = start + (end - start) // 2
    changed = api.v1.subscriptions.update(
        made.id,
        {"items": [{"id": item.id, "price": dearer.id}], "proration_date": half},
    )
    assert changed["items"].data[0].price.id == dearer.id
    assert changed["items"].data[0].id == item.id
    waiting = api.v1.invoice_items.list({"customer": customer.id, "pending": True}).data
    assert sorted(one.amount for one in waiting) == [-1500, 3000]
    assert all(one.proration for one in waiting)
    assert len(invoices(api, made)) == 1
    silent = api.v1.subscriptions.update(
        made.id,
        {"items": [{"id": item.id, "quantity": 2}], "proration_behavior": "none"},
    )
    assert silent["items"].data[0].quantity == 2
    assert len(api.v1.invoice_items.list({"customer": customer.id}).data) == 2


def test_a_new_price_can_be_invoiced_at_once(api):
    made = subscribe(api, payer(api), monthly(api, 3000))
    item, dearer = made["items"].data[0], monthly(api, 6000, "Plus")
    changed = api.v1.subscriptions.update(
        made.id,
        {
            "items": [{"id": item.id, "price": dearer.id}],
            "proration_behavior": "always_invoice",
            "proration_date": item.current_period_start,
            "expand": ["latest_invoice"],
        },
    )
    assert (changed.latest_invoice.status, changed.latest_invoice.amount_paid) == ("paid", 3000)
    assert changed.latest_invoice.billing_reason == "subscription_update"
    cheaper = api.v1.subscriptions.update(
        made.id,
        {
            "items": [{"id": item.id, "price": monthly(api, 3000).id}],
            "proration_behavior": "always_invoice",
            "proration_date": item.current_period_start,
            "expand": ["latest_invoice.customer"],
        },
    )
    credit = cheaper.latest_invoice
    assert (credit.total, credit.amount_due, credit.ending_balance) == (-3000, 0, -3000)
    assert credit.customer.balance == -3000


def test_a_yearly_price_starts_the_cycle_anew(api):
    made = subscribe(api, payer(api), monthly(api, 3000))
    yearly = monthly(api, 30_000, recurring={"interval": "year"})
    item = made["items"].data[0]
    changed = api.v1.subscriptions.update(
        made.id,
        {
            "items": [{"id": item.id, "price": yearly.id}],
            "proration_behavior": "none",
            "expand": ["latest_invoice"],
        },
    )
    after = changed["items"].data[0]
    assert (after.current_period_end - after.current_period_start) // 86400 in {365, 366}
    assert changed.latest_invoice.amount_paid == 30_000


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"customer": "cus_none"}, "customer"),
        ({"items": [{"price": "price_none"}]}, "items[0][price]"),
        ({"items": []}, "items"),
        ({"collection_method": "send_invoice"}, "days_until_due"),
        ({"trial_end": 1000}, "trial_end"),
        ({"trial_end": 1000, "trial_period_days": 1}, "trial_end"),
        ({"default_payment_method": "pm_none"}, "payment_method"),
    ],
)
def test_a_subscription_that_cannot_be(api, params, param):
    given = {"customer": payer(api).id, "items": [{"price": monthly(api).id}], **params}
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.subscriptions.create(given)
    assert caught.value.param == param


def test_a_customer_who_is_deleted_takes_his_subscriptions_along(api):
    customer = payer(api)
    made = subscribe(api, customer, monthly(api))
    api.v1.customers.delete(customer.id)
    until(lambda: api.v1.subscriptions.retrieve(made.id).status == "canceled")
