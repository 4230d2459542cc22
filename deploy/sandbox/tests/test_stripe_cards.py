"""Saving cards and charging them off session."""

import httpx
import pytest
import stripe
from stripe_acts import NO_REDIRECTS, browser, customer_with, intent_for, paid


def setup_for(api, customer, **more):
    return api.v1.setup_intents.create(
        {"customer": customer.id, "automatic_payment_methods": NO_REDIRECTS, **more}
    )


def test_a_browser_saves_a_card_with_the_client_secret(api, sandbox):
    customer = api.v1.customers.create({"email": "a@example.com", "metadata": {"user": "u1"}})
    intent = setup_for(api, customer)
    status, answer = browser(
        sandbox,
        "POST",
        f"/v1/setup_intents/{intent.id}/confirm",
        client_secret=intent.client_secret,
        payment_method="pm_card_visa",
    )
    assert (status, answer["status"]) == (200, "succeeded")
    assert "customer" not in answer
    saved = api.v1.setup_intents.retrieve(intent.id, {"expand": ["payment_method"]})
    assert saved.payment_method.customer == customer.id
    attempts = api.v1.setup_attempts.list({"setup_intent": intent.id})
    assert [one.status for one in attempts.data] == ["succeeded"]


def test_a_browser_needs_the_right_client_secret(api, sandbox):
    customer = api.v1.customers.create({})
    intent = setup_for(api, customer)
    path = f"/v1/setup_intents/{intent.id}/confirm"
    status, answer = browser(
        sandbox, "POST", path, client_secret="seti_x_secret_y", payment_method="pm_card_visa"
    )
    assert (status, answer["error"]["param"]) == (400, "client_secret")
    status, answer = browser(sandbox, "POST", path, payment_method="pm_card_visa")
    assert (status, answer["error"]["code"]) == (400, "parameter_missing")
    assert api.v1.setup_intents.retrieve(intent.id).status == "requires_payment_method"


def test_an_off_session_charge_succeeds_and_its_balance_transaction_follows(api, control):
    intent = paid(api, 1999)
    assert (intent.status, intent.amount_received) == ("succeeded", 1999)
    charge = api.v1.charges.retrieve(intent.latest_charge)
    assert charge.paid
    assert charge.payment_intent == intent.id
    control.post("/clock/advance", json={"seconds": 1})
    charge = wait_for_balance(api, intent.latest_charge)
    assert charge.balance_transaction.fee == 88  # 2.9 % of 19.99 is 57.97 cents, and 30
    assert charge.balance_transaction.net == 1999 - 88


def wait_for_balance(api, charge_id):
    for _ in range(100):
        charge = api.v1.charges.retrieve(charge_id, {"expand": ["balance_transaction"]})
        if charge.balance_transaction is not None:
            return charge
    raise AssertionError("no balance transaction")


def test_automatic_capture_has_its_balance_transaction_at_once(api):
    customer, method = customer_with(api)
    intent = intent_for(api, customer, method, capture_method="automatic")
    done = api.v1.payment_intents.confirm(
        intent.id, {"off_session": True, "expand": ["latest_charge.balance_transaction"]}
    )
    assert done.latest_charge.balance_transaction.type == "charge"


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ],
)
def test_a_declined_card_cannot_be_attached(api, card, code, decline_code):
    customer = api.v1.customers.create({})
    with pytest.raises(stripe.CardError) as caught:
        api.v1.payment_methods.attach(card, {"customer": customer.id})
    assert caught.value.http_status == 402
    assert (caught.value.code, caught.value.error.decline_code) == (code, decline_code)
    assert api.v1.payment_methods.list({"customer": customer.id}).data == []


def test_a_decline_is_402_with_the_intent_inside_and_leaves_a_failed_charge(api):
    customer, method = customer_with(api, "pm_card_chargeCustomerFail")
    intent = intent_for(api, customer, method)
    with pytest.raises(stripe.CardError) as caught:
        api.v1.payment_intents.confirm(intent.id, {"off_session": True})
    inside = caught.value.error.payment_intent
    assert (inside["id"], inside["status"]) == (intent.id, "requires_payment_method")
    known = api.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert known.payment_method is None
    assert known.last_payment_error.decline_code == "generic_decline"
    assert (known.latest_charge.status, known.latest_charge.paid) == ("failed", False)
    again = api.v1.payment_intents.confirm(
        intent.id,
        {
            "off_session": True,
            "payment_method": api.v1.payment_methods.attach(
                "pm_card_visa", {"customer": customer.id}
            ).id,
        },
    )
    assert again.status == "succeeded"
    charges = api.v1.charges.list({"payment_intent": intent.id})
    assert [one.status for one in charges.data] == ["succeeded", "failed"]


def test_authentication_off_session_is_an_error_and_on_session_a_page(api, sandbox):
    customer, method = customer_with(api, "pm_card_authenticationRequired")
    intent = intent_for(api, customer, method)
    with pytest.raises(stripe.CardError) as caught:
        api.v1.payment_intents.confirm(intent.id, {"off_session": True})
    assert caught.value.code == "authentication_required"
    status, answer = browser(
        sandbox,
        "POST",
        f"/v1/payment_intents/{intent.id}/confirm",
        client_secret=intent.client_secret,
        payment_method=method.id,
        return_url="https://app.test/paid",
    )
    assert (status, answer["status"]) == (200, "requires_action")
    url = answer["next_action"]["redirect_to_url"]["url"]
    assert httpx.get(url).status_code == 200
    back = httpx.post(
        url.partition("?")[0],
        data={"client_secret": intent.client_secret, "decision": "complete"},
    )
    assert back.headers["location"].startswith("https://app.test/paid?payment_intent=")
    assert api.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_a_card_set_up_once_is_charged_off_session_afterwards(api, sandbox):
    customer = api.v1.customers.create({})
    intent = setup_for(api, customer)
    _, answer = browser(
        sandbox,
        "POST",
        f"/v1/setup_intents/{intent.id}/confirm",
        client_secret=intent.client_secret,
        payment_method="pm_card_authenticationRequiredOnSetup",
    )
    page = answer["next_action"]["use_stripe_sdk"]["stripe_js"].partition("?")[0]
    failed = httpx.post(page, data={"client_secret": intent.client_secret, "decision": "fail"})
    assert failed.status_code == 200
    known = api.v1.setup_intents.retrieve(intent.id)
    assert known.status == "requires_payment_method"
    assert known.last_setup_error.code == "setup_intent_authentication_failure"
    browser(
        sandbox,
        "POST",
        f"/v1/setup_intents/{intent.id}/confirm",
        client_secret=intent.client_secret,
        payment_method="pm_card_authenticationRequiredOnSetup",
    )
    httpx.post(page, data={"client_secret": intent.client_secret, "decision": "complete"})
    method = api.v1.payment_methods.retrieve(
        api.v1.setup_intents.retrieve(intent.id).payment_method
    )
    charged = intent_for(api, customer, method)
    assert api.v1.payment_intents.confirm(charged.id, {"off_session": True}).status == "succeeded"


def test_the_card_form_takes_test_cards_only(api, sandbox):
    customer = api.v1.customers.create({})
    intent = setup_for(api, customer)
    page = f"{sandbox.stripe}/sandbox/card/{intent.id}"
    form = {"client_secret": intent.client_secret, "return_url": "https://app.test/saved"}
    assert httpx.get(page, params=form).status_code == 200
    refused = httpx.post(page, data={**form, "number": "4111 1111 1111 1111"})
    assert refused.status_code == 402
    assert "test cards only" in refused.text
    declined = httpx.post(page, data={**form, "number": "4000 0000 0000 0002"})
    assert "declined" in declined.text
    taken = httpx.post(page, data={**form, "number": "4242 4242 4242 4242"})
    assert "redirect_status=succeeded" in taken.headers["location"]
    assert api.v1.setup_intents.retrieve(intent.id).status == "succeeded"
    assert httpx.get(page, params={"client_secret": "wrong"}).status_code == 404


def test_an_intent_succeeds_once_and_can_be_canceled_only_before(api):
    intent = paid(api)
    for act in (api.v1.payment_intents.confirm, api.v1.payment_intents.cancel):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            act(intent.id)
        assert caught.value.code == "payment_intent_unexpected_state"
        assert caught.value.error.payment_intent["status"] == "succeeded"
    customer, method = customer_with(api)
    open_intent = intent_for(api, customer, method)
    gone = api.v1.payment_intents.cancel(open_intent.id, {"cancellation_reason": "abandoned"})
    assert (gone.status, gone.cancellation_reason) == ("canceled", "abandoned")


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"amount": 49}, "amount_too_small", "amount"),
        ({"amount": 100_000_000}, "amount_too_large", "amount"),
        ({"amount": 0}, "parameter_invalid_integer", "amount"),
        ({"amount": 100, "off_session": True}, None, "off_session"),
        ({"amount": 100, "customer": "cus_none"}, "resource_missing", "customer"),
        ({"amount": 100, "payment_method": "pm_none"}, "resource_missing", "payment_method"),
        ({"amount": 100, "currency": "xyz"}, None, "currency"),
    ],
)
def test_an_intent_that_cannot_be(api, params, code, param):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.payment_intents.create({"currency": "usd", **params})
    assert (caught.value.code, caught.value.param) == (code, param)


def test_a_server_that_confirms_must_name_a_return_url_or_refuse_redirects(api):
    customer, method = customer_with(api)
    params = {
        "amount": 1000,
        "currency": "usd",
        "customer": customer.id,
        "payment_method": method.id,
        "confirm": True,
        "off_session": True,
    }
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        api.v1.payment_intents.create(params)
    done = api.v1.payment_intents.create({**params, "return_url": "https://app.test"})
    assert done.status == "succeeded"


def test_a_card_belongs_to_one_customer(api):
    customer, method = customer_with(api)
    other = api.v1.customers.create({})
    with pytest.raises(stripe.InvalidRequestError, match="already been attached"):
        api.v1.payment_methods.attach(method.id, {"customer": other.id})
    with pytest.raises(stripe.InvalidRequestError, match="does not have a payment method"):
        intent_for(api, other, method)
    api.v1.customers.update(
        customer.id, {"invoice_settings": {"default_payment_method": method.id}}
    )
    api.v1.payment_methods.detach(method.id)
    known = api.v1.customers.retrieve(customer.id)
    assert known.invoice_settings.default_payment_method is None
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        api.v1.payment_methods.attach(method.id, {"customer": customer.id})


def test_card_numbers_come_from_browsers_only(api, sandbox):
    with pytest.raises(stripe.StripeError, match="unsafe"):
        api.v1.payment_methods.create({"type": "card", "card": {"number": "4242424242424242"}})
    status, answer = browser(
        sandbox,
        "POST",
        "/v1/payment_methods",
        **{
            "type": "card",
            "card[number]": "4000000000000341",
            "card[exp_month]": "8",
            "card[exp_year]": "2034",
        },
    )
    assert (status, answer["card"]["last4"]) == (200, "0341")


def test_customers_are_updated_and_deleted(api):
    customer, method = customer_with(api)
    api.v1.customers.update(customer.id, {"metadata": {"a": "1", "b": "2"}, "name": "Jenny"})
    changed = api.v1.customers.update(customer.id, {"metadata": {"a": "", "c": "3"}})
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    listed = api.v1.customers.payment_methods.list(customer.id)
    assert [one.id for one in listed.data] == [method.id]
    assert api.v1.customers.delete(customer.id).deleted
    assert api.v1.customers.retrieve(customer.id).deleted
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.customers.update(customer.id, {"name": "x"})
