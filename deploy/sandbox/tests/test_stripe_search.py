"""Search: its language, its pages, and an index that lags."""

from typing import Any

import pytest
import stripe
from billing_acts import monthly, payer, subscribe
from hypothesis import given
from hypothesis import strategies as st
from stripe_acts import paid

from opside_sandbox.stripe.errors import StripeError
from opside_sandbox.stripe.search.query import parse

pytestmark = pytest.mark.usefixtures("ended_subscriptions")


def catch_up(control):
    control.post("/clock/advance", json={"seconds": 10}).raise_for_status()


def ids(result):
    return [one.id for one in result.data]


def test_the_index_lags_behind_writes_and_changes(api, control):
    customer = api.v1.customers.create({"email": "lag@example.com", "metadata": {"user": "lag-7"}})
    query = {"query": "email:'LAG@example.com'"}
    assert ids(api.v1.customers.search(query)) == []
    catch_up(control)
    assert ids(api.v1.customers.search(query)) == [customer.id]
    api.v1.customers.update(customer.id, {"email": "new@example.com"})
    [stale] = api.v1.customers.search({"query": 'metadata["user"]:"lag-7"'}).data
    assert stale.email == "lag@example.com"
    assert api.v1.customers.retrieve(customer.id).email == "new@example.com"
    catch_up(control)
    assert ids(api.v1.customers.search(query)) == []
    api.v1.customers.delete(customer.id)
    catch_up(control)
    assert ids(api.v1.customers.search({"query": "metadata['user']:'lag-7'"})) == []


def test_payments_and_subscriptions_are_found(api, control):
    intent = paid(api, 7777)
    api.v1.payment_intents.update(intent.id, {"metadata": {"statement": "s-1"}})
    customer = payer(api)
    made = subscribe(api, customer, monthly(api), metadata={"user": "sub-1"})
    catch_up(control)
    intents = api.v1.payment_intents.search
    assert ids(intents({"query": "metadata['statement']:'s-1' AND status:'succeeded'"})) == [
        intent.id
    ]
    assert intent.id in ids(intents({"query": "amount>7776 amount<=7777", "limit": 100}))
    assert intent.id not in ids(intents({"query": "amount>7776 -amount:7777", "limit": 100}))
    assert intent.latest_charge in ids(api.v1.charges.search({"query": "amount:7777"}))
    subscriptions = api.v1.subscriptions.search(
        {"query": "metadata['user']:'sub-1' AND status:'active'", "expand": ["data.customer"]}
    )
    assert [one.customer.id for one in subscriptions.data] == [customer.id]
    invoices = api.v1.invoices.search({"query": f"subscription:'{made.id}' AND status:'paid'"})
    assert ids(invoices) == [made.latest_invoice.id]
    product = made["items"].data[0].price.product
    assert product in ids(api.v1.products.search({"query": "name~'Pro'", "limit": 100}))
    prices = api.v1.prices.search({"query": f"product:'{product}' AND active:'true'"})
    assert ids(prices) == [made["items"].data[0].price.id]


def test_results_come_in_pages(api, control):
    made = [api.v1.customers.create({"name": "Paged Person"}).id for _ in range(3)]
    catch_up(control)
    query = {"query": "name:'paged person' OR email:'nobody@example.com'", "limit": 2}
    first = api.v1.customers.search(query)
    assert first.has_more
    second = api.v1.customers.search({**query, "page": first.next_page})
    assert ids(first) + ids(second) == made[::-1]
    assert (second.has_more, second.next_page) == (False, None)
    assert [one.id for one in first.auto_paging_iter()] == made[::-1]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "email",
        "email:",
        "nickname:'x'",
        "email:'a' AND",
        "email:'a' AND name:'b' OR phone:'c'",
        "email>'a'",
        "name~'ab'",
        "created:'soon'",
        "metadata:'x'",
        "email['x']:'y'",
        " ".join(["name:'a'"] * 11),
    ],
)
def test_a_query_that_cannot_be(api, query):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.customers.search({"query": query})
    assert caught.value.param == "query"


FIELDS = {"name": "text", "created": "number", "metadata": "metadata"}
VALUES = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1)


def quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


@given(key=VALUES, value=VALUES, other=VALUES, created=st.integers(0, 2**31))
def test_every_value_finds_itself_and_no_other(key: str, value: str, other: str, created: int):
    document: dict[str, Any] = {"name": value, "created": created, "metadata": {key: value}}
    for text in (f"name:{quoted(value)}", f"metadata[{quoted(key)}]:{quoted(value)}"):
        assert parse(text, FIELDS).holds(document)
        assert not parse(f"-{text}", FIELDS).holds(document)
    same = other.lower() == value.lower()
    assert parse(f"name:{quoted(other)}", FIELDS).holds(document) == same
    assert parse(f"created>={created} AND created<={created}", FIELDS).holds(document)
    assert not parse(f"created>{created} OR created<{created}", FIELDS).holds(document)


@given(st.text())
def test_any_text_is_a_query_or_refused(text: str):
    try:
        parse(text, FIELDS).holds({"name": "x", "created": 1, "metadata": {}})
    except StripeError:
        return
