"""Products and prices."""

from decimal import Decimal

import pytest
import stripe


def test_a_product_with_its_default_price(api):
    product = api.v1.products.create(
        {
            "name": "Opside Pro",
            "default_price_data": {
                "currency": "usd",
                "unit_amount": 4900,
                "recurring": {"interval": "month"},
            },
        }
    )
    price = api.v1.prices.retrieve(product.default_price, {"expand": ["product"]})
    assert (price.type, price.unit_amount, price.product.name) == ("recurring", 4900, "Opside Pro")
    assert price.recurring.to_dict() == {
        "interval": "month",
        "interval_count": 1,
        "meter": None,
        "usage_type": "licensed",
    }
    changed = api.v1.products.update(product.id, {"name": "Pro", "metadata": {"plan": "pro"}})
    assert (changed.name, changed.metadata["plan"]) == ("Pro", "pro")
    assert product.id in [one.id for one in api.v1.products.list({"active": True}).data]
    with pytest.raises(stripe.InvalidRequestError, match="user-created prices"):
        api.v1.products.delete(product.id)
    empty = api.v1.products.create({"name": "Nothing"})
    assert api.v1.products.delete(empty.id).deleted
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.products.retrieve(empty.id)


def test_prices_are_found_by_lookup_key_and_retired(api):
    product = api.v1.products.create({"name": "Credits"})
    once = {"product": product.id, "currency": "usd", "unit_amount": 500, "lookup_key": "credits"}
    first = api.v1.prices.create(once)
    assert (first.type, first.recurring) == ("one_time", None)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.prices.create(once)
    assert caught.value.param == "lookup_key"
    second = api.v1.prices.create({**once, "unit_amount": 600, "transfer_lookup_key": True})
    [found] = api.v1.prices.list({"lookup_keys": ["credits"]}).data
    assert found.id == second.id
    api.v1.prices.update(first.id, {"active": False})
    active = api.v1.prices.list({"product": product.id, "active": True})
    assert [one.id for one in active.data] == [second.id]


def test_a_price_may_have_decimals(api):
    price = api.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount_decimal": Decimal("0.5"),
            "product_data": {"name": "Page"},
        }
    )
    assert (price.unit_amount, price.unit_amount_decimal) == (None, Decimal("0.5"))


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"currency": "usd", "unit_amount": 1}, "product"),
        ({"currency": "usd", "product": "prod_none", "unit_amount": 1}, "product"),
        ({"currency": "usd", "product_data": {"name": "x"}}, "unit_amount"),
        ({"currency": "usd", "product_data": {"name": "x"}, "unit_amount": -1}, "unit_amount"),
        (
            {
                "currency": "usd",
                "product_data": {"name": "x"},
                "unit_amount": 1,
                "recurring": {"interval": "month", "interval_count": 37},
            },
            "recurring[interval_count]",
        ),
    ],
)
def test_a_price_that_cannot_be(api, params, param):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.prices.create(params)
    assert caught.value.param == param
