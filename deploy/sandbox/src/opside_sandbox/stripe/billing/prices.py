"""Prices: so much, once or every interval. Only licensed prices with one unit amount."""

from collections.abc import Mapping
from typing import Any

from opside_sandbox.stripe.billing.pricing import decimal_amount, new_price, new_product
from opside_sandbox.stripe.errors import Document, invalid
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.fields import (
    Kind,
    boolean,
    clearable,
    currency,
    list_of,
    metadata,
    one_of,
    record,
    text,
    whole_number,
)
from opside_sandbox.stripe.listing import CREATED, PAGE, page
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World, merge_metadata, take


def _create(world: World, ask: Ask) -> Document:
    given = dict(ask.params)
    if ("product" in given) == ("product_data" in given):
        raise invalid("You must specify either `product` or `product_data`.", param="product")
    if data := given.pop("product_data", None):
        given["product"] = new_product(world, data)["id"]
    _claim_lookup_key(world, given)
    return shown(world, new_price(world, given))


def _claim_lookup_key(world: World, given: Mapping[str, Any]) -> None:
    """A lookup key names one price; with `transfer_lookup_key` the new one takes it over."""
    key = given.get("lookup_key")
    holder = world.state.store.find(world.collection("price"), lookup_key=key) if key else None
    if holder is None:
        return
    if not given.get("transfer_lookup_key"):
        raise invalid(
            f"A price (`{holder['id']}`) already uses that lookup key.", param="lookup_key"
        )
    holder["lookup_key"] = None
    world.save(holder)


def _retrieve(world: World, ask: Ask) -> Document:
    return shown(world, world.need("price", ask.path["price"], param="price"))


def _update(world: World, ask: Ask) -> Document:
    price = world.need("price", ask.path["price"], param="price")
    before = dict(price)
    if ask.get("lookup_key") != price["lookup_key"]:
        _claim_lookup_key(world, ask.params)
    take(price, ask.params, "active", "lookup_key", "nickname", "tax_behavior")
    price["metadata"] = merge_metadata(price["metadata"], ask.params)
    world.save(price)
    if price != before:
        emit(world, "price.updated", price, before=before)
    return shown(world, price)


def _list(world: World, ask: Ask) -> Document:
    keys, active = ask.get("lookup_keys"), ask.get("active")
    interval = (ask.get("recurring") or {}).get("interval")

    def keep(one: Document) -> bool:
        return (
            active in {None, one["active"]}
            and (not keys or one["lookup_key"] in keys)
            and (not interval or (one["recurring"] or {}).get("interval") == interval)
        )

    return page(world, ask, "price", url="/v1/prices", keep=keep)


INTERVAL = one_of("day", "week", "month", "year")
RECURRING = record(
    {
        "interval": INTERVAL,
        "interval_count": whole_number(1),
        "usage_type": one_of("licensed"),
    },
    required=("interval",),
)
_TAX = one_of("exclusive", "inclusive", "unspecified")
_AMOUNT: dict[str, Kind] = {
    "currency": currency,
    "tax_behavior": _TAX,
    "unit_amount": whole_number(0),
    "unit_amount_decimal": decimal_amount,
}
_PRODUCT: dict[str, Kind] = {"name": text, "metadata": metadata, "unit_label": text}
PRICE_DATA = record(
    {
        **_AMOUNT,
        "product": text,
        "product_data": record({**_PRODUCT, "description": text}, required=("name",)),
        "recurring": RECURRING,
    },
    required=("currency",),
)
_UPDATABLE: dict[str, Kind] = {
    "active": boolean,
    "lookup_key": clearable(text),
    "metadata": metadata,
    "nickname": clearable(text),
    "tax_behavior": _TAX,
    "transfer_lookup_key": boolean,
}
_PRODUCT_DATA = record(
    {**_PRODUCT, "active": boolean, "id": text, "statement_descriptor": text}, required=("name",)
)

OPERATIONS = [
    Operation(
        "POST",
        "/v1/prices",
        "prices.create",
        _create,
        fields={
            **_UPDATABLE,
            **_AMOUNT,
            "billing_scheme": one_of("per_unit"),
            "product": text,
            "product_data": _PRODUCT_DATA,
            "recurring": RECURRING,
        },
        required=("currency",),
    ),
    Operation("GET", "/v1/prices/{price}", "prices.retrieve", _retrieve),
    Operation("POST", "/v1/prices/{price}", "prices.update", _update, fields=_UPDATABLE),
    Operation(
        "GET",
        "/v1/prices",
        "prices.list",
        _list,
        fields={
            **PAGE,
            **CREATED,
            "active": boolean,
            "currency": currency,
            "lookup_keys": list_of(text),
            "product": text,
            "recurring": record({"interval": INTERVAL}),
            "type": one_of("one_time", "recurring"),
        },
    ),
]
