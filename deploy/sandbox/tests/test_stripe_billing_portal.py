"""The customer portal, as a browser uses it."""

import re

import httpx
import pytest
import stripe
from billing_acts import monthly, payer, subscribe

pytestmark = pytest.mark.usefixtures("ended_subscriptions")
BACK = "https://app.test/account"


def session_of(api, customer, **more):
    given = {"customer": customer.id, "return_url": BACK, **more}
    return api.v1.billing_portal.sessions.create(given)


def choose(session, **fields):
    return httpx.post(session.url, data=fields)


def test_a_customer_cancels_keeps_and_sees_invoices(api, control):
    customer = payer(api)
    made = subscribe(api, customer, monthly(api, 4900, "Opside Pro"))
    session = session_of(api, customer)
    page = httpx.get(session.url).text
    assert "Opside Pro" in page
    assert made.latest_invoice.number in page
    assert BACK in page
    assert choose(session, decision="cancel", subscription=made.id).status_code == 303
    ends = api.v1.subscriptions.retrieve(made.id)
    assert (ends.status, ends.cancel_at_period_end) == ("active", True)
    assert "Keep it" in httpx.get(session.url).text
    choose(session, decision="keep", subscription=made.id)
    assert not api.v1.subscriptions.retrieve(made.id).cancel_at_period_end
    control.post("/clock/advance", json={"seconds": 3600})
    assert httpx.get(session.url).status_code == 404
    assert choose(session, decision="cancel", subscription=made.id).status_code == 404


def test_a_customer_changes_his_card(api):
    customer = payer(api)
    made = subscribe(api, customer, monthly(api), default_payment_method=card_of(api, customer))
    session = session_of(api, customer)
    assert choose(session, decision="card", number="4000000000000002").status_code == 400
    assert choose(session, decision="card", number="4111111111111111").status_code == 400
    assert choose(session, decision="card", number="5555555555554444").status_code == 303
    after = api.v1.customers.retrieve(
        customer.id, {"expand": ["invoice_settings.default_payment_method"]}
    )
    method = after.invoice_settings.default_payment_method
    assert method.card.brand == "mastercard"
    assert api.v1.subscriptions.retrieve(made.id).default_payment_method == method.id


def card_of(api, customer):
    return api.v1.customers.retrieve(customer.id).invoice_settings.default_payment_method


def test_a_card_that_asks_the_bank_first(api):
    customer = payer(api)
    session = session_of(api, customer)
    asked = choose(session, decision="card", number="4000002500003155")
    page = asked.headers["location"]
    assert "/sandbox/authenticate/" in page
    before = card_of(api, customer)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', httpx.get(page).text))
    httpx.post(page.partition("?")[0], data={**fields, "decision": "complete"})
    assert card_of(api, customer) != before


def test_nobody_touches_anothers_subscription(api):
    made = subscribe(api, payer(api), monthly(api))
    visitor = payer(api)
    own = subscribe(api, visitor, monthly(api))
    session = session_of(api, visitor)
    assert choose(session, decision="cancel", subscription=made.id).status_code == 400
    for one in (made, own):
        assert not api.v1.subscriptions.retrieve(one.id).cancel_at_period_end
    assert httpx.get(session.url[:-4]).status_code == 404


def test_a_configuration_says_what_is_allowed(api):
    configuration = api.v1.billing_portal.configurations.create(
        {
            "features": {
                "subscription_cancel": {"enabled": True, "mode": "immediately"},
                "invoice_history": {"enabled": False},
            },
            "default_return_url": "https://app.test/default",
        }
    )
    customer = payer(api)
    made = subscribe(api, customer, monthly(api))
    session = api.v1.billing_portal.sessions.create(
        {"customer": customer.id, "configuration": configuration.id, "expand": ["configuration"]}
    )
    assert session.return_url == "https://app.test/default"
    assert session.configuration.features.subscription_cancel.mode == "immediately"
    page = httpx.get(session.url).text
    assert "Invoices" not in page
    assert choose(session, decision="card", number="4242424242424242").status_code == 400
    choose(session, decision="cancel", subscription=made.id)
    assert api.v1.subscriptions.retrieve(made.id).status == "canceled"
    off = api.v1.billing_portal.configurations.update(configuration.id, {"active": False})
    assert not off.active
    active = api.v1.billing_portal.configurations.list({"active": True}).data
    assert configuration.id not in [one.id for one in active]
    assert api.v1.billing_portal.configurations.retrieve(configuration.id).name is None


def test_a_link_straight_to_the_cancellation(api):
    customer = payer(api)
    made = subscribe(api, customer, monthly(api))
    session = session_of(
        api,
        customer,
        flow_data={
            "type": "subscription_cancel",
            "subscription_cancel": {"subscription": made.id},
            "after_completion": {"type": "redirect", "redirect": {"return_url": BACK}},
        },
    )
    assert session.flow.subscription_cancel.subscription == made.id
    done = choose(session, decision="cancel", subscription=made.id)
    assert done.headers["location"] == BACK


@pytest.mark.parametrize(
    ("params", "param"),
    [({"customer": "cus_none"}, "customer"), ({"configuration": "bpc_none"}, "configuration")],
)
def test_a_session_that_cannot_be(api, params, param):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.billing_portal.sessions.create({"customer": payer(api).id, **params})
    assert caught.value.param == param
