"""Checkout Sessions, and the page that a browser completes."""

import re

import httpx
import pytest
import stripe
from billing_acts import book_of, invoices, monthly, payer
from sandbox_process import until

pytestmark = pytest.mark.usefixtures("ended_subscriptions")
DONE = "https://app.test/done?session={CHECKOUT_SESSION_ID}"
VISA, DECLINED, ASKING = "4242424242424242", "4000000000000002", "4000002760003184"


def session_of(api, mode, **more):
    """An open session; for a payment it sells two of something."""
    given = {"mode": mode, "success_url": DONE, "cancel_url": "https://app.test/back", **more}
    if mode == "payment":
        given.setdefault("line_items", [{"price_data": once(), "quantity": 2}])
    return api.v1.checkout.sessions.create(given)


def once(amount=1500):
    return {"currency": "usd", "unit_amount": amount, "product_data": {"name": "Credits"}}


def pay(session, number=VISA, email="payer@example.com"):
    """Open the page and submit its form, as a browser does."""
    page = httpx.get(session.url)
    assert page.status_code == 200
    assert 'name="number"' in page.text
    return httpx.post(session.url, data={"email": email, "number": number, "decision": "pay"})


def arrived(answer, session):
    """The browser is sent back to the shop."""
    assert answer.status_code == 303
    assert answer.headers["location"] == DONE.replace("{CHECKOUT_SESSION_ID}", session.id)


@pytest.fixture
def endpoint(api, receiver):
    made = api.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
    yield made
    api.v1.webhook_endpoints.delete(made.id)


def test_a_payment(api, control, receiver, endpoint):
    before = book_of(control)["charges_gross"]
    session = session_of(
        api,
        "payment",
        client_reference_id="order-1",
        metadata={"order": "1"},
        payment_intent_data={"metadata": {"order": "1"}},
    )
    api.v1.checkout.sessions.update(session.id, {"metadata": {"step": "2"}})
    assert (session.status, session.payment_status, session.amount_total) == (
        "open",
        "unpaid",
        3000,
    )
    assert "Credits" in httpx.get(session.url).text
    arrived(pay(session), session)
    done = api.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent", "line_items"]}
    )
    assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
    assert done.customer_details.email == "payer@example.com"
    assert done.metadata.to_dict() == {"order": "1", "step": "2"}
    assert done.payment_intent.amount_received == 3000
    assert done.payment_intent.metadata["order"] == "1"
    assert done.line_items.data[0].quantity == 2
    lines = api.v1.checkout.sessions.line_items.list(session.id)
    assert [one.amount_total for one in lines.data] == [3000]
    events = receiver.wait_for(endpoint.secret, "checkout.session.completed")
    [told] = [one for one in events if one["type"] == "checkout.session.completed"]
    assert told["data"]["object"]["client_reference_id"] == "order-1"
    book = book_of(control)
    assert (book["charges_gross"] - before, book["sum"]) == (3000, 0)
    arrived(httpx.get(session.url), session)
    arrived(httpx.post(session.url, data={"number": VISA}), session)
    assert book_of(control)["charges_gross"] - before == 3000


def test_a_refused_card_can_be_replaced(api):
    session = session_of(api, "payment")
    refused = pay(session, DECLINED)
    assert refused.status_code == 402
    assert "declined" in refused.text
    assert httpx.post(session.url, data={"number": "4111111111111111"}).status_code == 402
    arrived(pay(session), session)
    done = api.v1.checkout.sessions.retrieve(session.id)
    charges = api.v1.charges.list({"payment_intent": done.payment_intent}).data
    assert [one.status for one in charges] == ["succeeded", "failed"]


def through_the_bank(session, decision, number=ASKING):
    asked = pay(session, number)
    assert asked.status_code == 303
    page = asked.headers["location"]
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', httpx.get(page).text))
    return httpx.post(page.partition("?")[0], data={**fields, "decision": decision})


@pytest.mark.parametrize("mode", ["payment", "subscription", "setup"])
def test_authentication_on_the_way(api, mode):
    more = {
        "payment": {},
        "subscription": {"line_items": [{"price": monthly(api).id, "quantity": 1}]},
        "setup": {"currency": "usd"},
    }
    session = session_of(api, mode, **more[mode])
    back = through_the_bank(session, "fail")
    failed = httpx.get(back.headers["location"])
    assert "authentication failed" in failed.text
    assert api.v1.checkout.sessions.retrieve(session.id).status == "open"
    back = through_the_bank(session, "complete")
    arrived(httpx.get(back.headers["location"]), session)
    assert api.v1.checkout.sessions.retrieve(session.id).status == "complete"


def test_a_subscription(api):
    price = monthly(api, 4900)
    session = session_of(
        api,
        "subscription",
        line_items=[{"price": price.id, "quantity": 1}, {"price_data": once(500), "quantity": 1}],
        subscription_data={"metadata": {"user": "7"}},
        customer_email="seller@example.com",
    )
    assert session.amount_total == 5400
    arrived(pay(session), session)
    done = api.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice"]})
    assert (done.payment_status, done.subscription.status) == ("paid", "active")
    assert done.subscription.metadata["user"] == "7"
    assert done.subscription.default_payment_method is not None
    assert (done.invoice.status, done.invoice.amount_paid) == ("paid", 5400)
    customer = api.v1.customers.retrieve(done.customer)
    assert customer.email == "seller@example.com"
    methods = api.v1.customers.payment_methods.list(customer.id).data
    assert [one.id for one in methods] == [done.subscription.default_payment_method]


def test_a_subscription_that_begins_with_a_trial_saves_the_card(api):
    customer = payer(api, None)
    session = session_of(
        api,
        "subscription",
        customer=customer.id,
        line_items=[{"price": monthly(api).id, "quantity": 1}],
        subscription_data={"trial_period_days": 14},
    )
    assert 'name="email"' not in httpx.get(session.url).text
    assert pay(session, DECLINED).status_code == 402
    arrived(pay(session), session)
    done = api.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert (done.payment_status, done.subscription.status) == ("no_payment_required", "trialing")
    assert done.subscription.default_payment_method is not None


def test_a_subscription_is_not_begun_twice_by_a_refused_card(api):
    customer = payer(api, None)
    session = session_of(
        api,
        "subscription",
        customer=customer.id,
        line_items=[{"price": monthly(api).id, "quantity": 1}],
    )
    assert pay(session, DECLINED).status_code == 402
    arrived(pay(session), session)
    [only] = api.v1.subscriptions.list({"customer": customer.id, "status": "all"}).data
    assert [one.status for one in invoices(api, only)] == ["paid"]


def test_setup(api):
    customer = payer(api, None)
    session = session_of(
        api,
        "setup",
        customer=customer.id,
        currency="usd",
        setup_intent_data={"metadata": {"why": "fees"}},
    )
    assert (session.payment_status, session.amount_total) == ("no_payment_required", None)
    arrived(pay(session), session)
    done = api.v1.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent"]})
    assert done.setup_intent.metadata["why"] == "fees"
    methods = api.v1.customers.payment_methods.list(customer.id).data
    assert [one.id for one in methods] == [done.setup_intent.payment_method]


def test_an_expired_session_takes_no_money(api, control, receiver, endpoint):
    session = session_of(api, "payment")
    assert api.v1.checkout.sessions.expire(session.id).status == "expired"
    assert httpx.post(session.url, data={"number": VISA}).status_code == 404
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.checkout.sessions.expire(session.id)
    begun = session_of(api, "subscription", line_items=[{"price": monthly(api).id, "quantity": 1}])
    assert pay(begun, DECLINED).status_code == 402
    control.post("/clock/advance", json={"seconds": 24 * 3600})
    until(lambda: api.v1.checkout.sessions.retrieve(begun.id).status == "expired")
    receiver.wait_for(endpoint.secret, "checkout.session.expired")
    listed = api.v1.checkout.sessions.list({"status": "expired"}).data
    assert {session.id, begun.id} <= {one.id for one in listed}


def test_an_embedded_session_has_a_secret_and_no_url(api):
    session = api.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "ui_mode": "embedded_page",
            "return_url": DONE,
            "line_items": [{"price_data": once(), "quantity": 1}],
        }
    )
    assert session.url is None
    assert session.client_secret.startswith(session.id)


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"mode": "payment", "line_items": []}, "line_items"),
        (
            {"mode": "subscription", "line_items": [{"price_data": once(), "quantity": 1}]},
            "line_items",
        ),
        ({"mode": "payment", "success_url": None}, "success_url"),
        ({"mode": "setup"}, "currency"),
        ({"mode": "payment", "customer": "cus_none"}, "customer"),
        ({"mode": "payment", "expires_at": 1}, "expires_at"),
        ({"mode": "payment", "subscription_data": {"description": "x"}}, "subscription_data"),
        ({"mode": "payment", "line_items": [{"price_data": once()}]}, "line_items[0][quantity]"),
    ],
)
def test_a_session_that_cannot_be(api, params, param):
    given = {"success_url": DONE, "line_items": [{"price_data": once(), "quantity": 1}], **params}
    if params["mode"] == "setup":
        del given["line_items"]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.checkout.sessions.create({k: v for k, v in given.items() if v is not None})
    assert caught.value.param == param


def test_recurring_prices_are_for_subscriptions(api):
    with pytest.raises(stripe.InvalidRequestError, match="recurring price"):
        session_of(api, "payment", line_items=[{"price": monthly(api).id, "quantity": 1}])
