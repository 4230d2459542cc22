"""How parameters, lists and expansions behave, and the operations that other tests do not need."""

import httpx
import pytest
import stripe
from sandbox_process import SECRET_KEY, until
from stripe_acts import NO_REDIRECTS, customer_with, intent_for, onboarded, paid


def send(sandbox, method, path, content=b"", **headers):
    answer = httpx.request(
        method,
        sandbox.stripe + path,
        content=content,
        headers={
            "authorization": f"Bearer {SECRET_KEY}",
            "content-type": "application/x-www-form-urlencoded",
            **headers,
        },
    )
    return answer.status_code, answer.json().get("error")


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"nonsense=1", "parameter_unknown", "nonsense"),
        (b"invoice_settings[nonsense]=1", "parameter_unknown", "invoice_settings[nonsense]"),
        (b"balance=much", "parameter_invalid_integer", "balance"),
        (b"payment_method=", "parameter_invalid_empty", "payment_method"),
        (b"tax_exempt=maybe", None, "tax_exempt"),
        (b"metadata=x", None, "metadata"),
        (b"metadata[a][b]=1", None, "metadata[a]"),
        (b"name[first]=1", None, "name"),
        (b"expand=x", None, "expand"),
        (b"expand[]=nonsense", None, "expand"),
        (b"name=a&name[b]=c", None, "name"),
        (b"[x]=1", None, "[x]"),
        (b"0=x", None, "0"),
    ],
)
def test_wrong_parameters_are_refused_in_stripes_words(sandbox, body, code, param):
    status, error = send(sandbox, "POST", "/v1/customers", body)
    assert status == 400
    assert (error["type"], error.get("code")) == ("invalid_request_error", code)
    assert error.get("param") == param


def test_missing_parameters_json_bodies_and_unknown_paths(sandbox):
    status, error = send(sandbox, "POST", "/v1/payment_intents", b"amount=100")
    assert (status, error["code"], error["param"]) == (400, "parameter_missing", "currency")
    status, error = send(
        sandbox, "POST", "/v1/customers", b"{}", **{"content-type": "application/json"}
    )
    assert status == 400
    assert "content type" in error["message"]
    for path in ("/v1/nothing", "/v1/customers/", "/", "/v2/core/accounts"):
        status, error = send(sandbox, "GET", path)
        assert status == 404
        assert "Unrecognized request URL" in error["message"]
    status, error = send(sandbox, "GET", "/v1/customers/cus_none")
    assert (status, error["code"]) == (404, "resource_missing")
    assert error["message"] == "No such customer: 'cus_none'"
    status, error = send(sandbox, "GET", "/v1/customers", **{"stripe-version": "tomorrow"})
    assert status == 400


def test_lists_come_newest_first_in_pages(api):
    made = [api.v1.customers.create({"email": "page@example.com"}).id for _ in range(5)]
    params = {"email": "page@example.com", "limit": 2}
    first = api.v1.customers.list(params)
    assert [one.id for one in first.data] == [made[4], made[3]]
    assert first.has_more
    second = api.v1.customers.list({**params, "starting_after": made[3]})
    assert [one.id for one in second.data] == [made[2], made[1]]
    back = api.v1.customers.list({**params, "ending_before": made[2]})
    assert [one.id for one in back.data] == [made[4], made[3]]
    whole = api.v1.customers.list(params)
    assert [one.id for one in whole.auto_paging_iter()] == list(reversed(made))
    created = api.v1.customers.retrieve(made[0]).created
    assert api.v1.customers.list({**params, "created": {"lt": created}}).data == []
    for wrong in ({"limit": 0}, {"limit": 101}, {"starting_after": "cus_none"}):
        with pytest.raises(stripe.InvalidRequestError):
            api.v1.customers.list(wrong)


def test_objects_are_expanded_four_levels_deep(api):
    intent = paid(api)
    until(lambda: api.v1.charges.retrieve(intent.latest_charge).balance_transaction)
    deep = api.v1.payment_intents.retrieve(
        intent.id, {"expand": ["latest_charge.balance_transaction.source.customer"]}
    )
    assert deep.latest_charge.balance_transaction.source.customer.object == "customer"
    listed = api.v1.payment_intents.list(
        {"customer": deep.customer, "expand": ["data.customer", "data.payment_method"]}
    )
    assert listed.data[0].payment_method.type == "card"
    for wrong in ("amount", "nonsense", "customer.email", "a.b.c.d.e"):
        with pytest.raises(stripe.InvalidRequestError):
            api.v1.payment_intents.retrieve(intent.id, {"expand": [wrong]})


def test_payment_intents_are_updated_until_they_are_paid(api):
    customer, method = customer_with(api)
    intent = api.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    changed = api.v1.payment_intents.update(
        intent.id,
        {
            "amount": 1200,
            "customer": customer.id,
            "payment_method": method.id,
            "metadata": {"a": "1"},
            "description": "fee",
        },
    )
    assert (changed.status, changed.amount) == ("requires_confirmation", 1200)
    done = paid(api)
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.payment_intents.update(done.id, {"amount": 1})
    assert api.v1.payment_intents.update(done.id, {"metadata": {"a": "2"}}).metadata["a"] == "2"
    charge = api.v1.charges.update(done.latest_charge, {"description": "", "metadata": {"x": "y"}})
    assert charge.metadata["x"] == "y"


def test_setup_intents_are_updated_canceled_and_listed(api):
    customer, method = customer_with(api)
    params = {"customer": customer.id, "automatic_payment_methods": NO_REDIRECTS}
    intent = api.v1.setup_intents.create(params)
    api.v1.setup_intents.update(intent.id, {"payment_method": method.id, "metadata": {"a": "1"}})
    assert api.v1.setup_intents.confirm(intent.id).status == "succeeded"
    gone = api.v1.setup_intents.cancel(api.v1.setup_intents.create(params).id)
    assert gone.status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.setup_intents.confirm(gone.id, {"payment_method": method.id})
    assert caught.value.code == "setup_intent_unexpected_state"
    listed = api.v1.setup_intents.list({"customer": customer.id})
    assert [one.id for one in listed.data] == [gone.id, intent.id]
    done = api.v1.setup_intents.create(
        {**params, "payment_method": "pm_card_mastercard", "confirm": True}
    )
    assert done.status == "succeeded"
    with pytest.raises(stripe.CardError) as caught:
        api.v1.setup_intents.create(
            {**params, "payment_method": "pm_card_chargeDeclined", "confirm": True}
        )
    assert caught.value.error.setup_intent["status"] == "requires_payment_method"


def test_accounts_are_updated_listed_and_deleted(api):
    account = api.v1.accounts.create({"type": "express", "metadata": {"user": "u"}})
    changed = api.v1.accounts.update(
        account.id,
        {
            "email": "new@example.com",
            "business_profile": {"url": "https://example.com"},
            "capabilities": {"transfers": {"requested": True}},
        },
    )
    assert changed.capabilities.transfers == "inactive"
    assert changed.business_profile.url == "https://example.com"
    asked = api.v1.accounts.capabilities.update(account.id, "card_payments", {"requested": True})
    assert (asked.status, asked.requested) == ("inactive", True)
    assert api.v1.accounts.capabilities.retrieve(account.id, "transfers").requested
    assert account.id in [one.id for one in api.v1.accounts.list({"limit": 100}).data]
    assert api.v1.accounts.delete(account.id).deleted
    with pytest.raises(stripe.PermissionError):
        api.v1.accounts.retrieve(account.id)


def test_the_remaining_lists_and_updates(api):
    customer, method = customer_with(api)
    api.v1.payment_methods.update(
        method.id, {"billing_details": {"name": "Jenny"}, "metadata": {"a": "1"}}
    )
    mine = api.v1.customers.payment_methods.retrieve(customer.id, method.id)
    assert mine.billing_details.name == "Jenny"
    intent = intent_for(api, customer, method, 5000, capture_method="automatic")
    api.v1.payment_intents.confirm(intent.id, {"off_session": True})
    done = api.v1.payment_intents.retrieve(intent.id)
    refund = api.v1.refunds.create({"charge": done.latest_charge, "amount": 100})
    assert [one.id for one in api.v1.refunds.list({"charge": done.latest_charge}).data] == [
        refund.id
    ]
    transfer = api.v1.transfers.create(
        {
            "amount": 1000,
            "currency": "usd",
            "destination": onboarded(api).id,
            "source_transaction": done.latest_charge,
        }
    )
    reversal = api.v1.transfers.reversals.create(transfer.id, {"amount": 10})
    api.v1.transfers.reversals.update(transfer.id, reversal.id, {"metadata": {"b": "2"}})
    assert api.v1.transfers.retrieve(transfer.id).reversals.data[0].metadata["b"] == "2"
    [row] = api.v1.balance_transactions.list({"source": refund.id}).data
    assert api.v1.balance_transactions.retrieve(row.id).net == -100
