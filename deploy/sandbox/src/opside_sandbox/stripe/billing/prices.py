"""Prices: so much, once or every interval. Only licensed prices with one unit amount."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from opside_sandbox.stripe.errors import Document, invalid, malformed
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
from opside_sandbox.stripe.present import plain, shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World, merge_metadata, take

_LONGEST = {"day": 1095, "week": 156, "month": 36, "year": 3}


def decimal_amount(value: object, param: str) -> str:
    """Minor units with up to twelve decimal places."""
    try:
        number = Decimal(text(value, param))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number < 0 or round(number, 12) != number:
        raise malformed(f"Invalid decimal: {value}", param=param)
    return f"{number.normalize():f}"


def new_product(world: World, given: Mapping[str, Any]) -> Document:
    """Make a product, and tell."""
    now = world.now()
    product = world.save(
        {
            "id": given.get("id") or world.new_id("product"),
            "object": "product",
            "active": given.get("active", True),
            "created": now,
            "default_price": None,
            "description": given.get("description"),
            "images": given.get("images", []),
            "livemode": False,
            "marketing_features": given.get("marketing_features", []),
            "metadata": merge_metadata(None, given),
            "name": given["name"],
            "package_dimensions": None,
            "shippable": given.get("shippable"),
            "statement_descriptor": given.get("statement_descriptor"),
            "tax_code": None,
            "unit_label": given.get("unit_label"),
            "updated": now,
            "url": given.get("url"),
        }
    )
    emit(world, "product.created", product)
    return product


def new_price(world: World, given: Mapping[str, Any]) -> Document:
    """Make a price of a known product, and tell. Raises StripeError when it cannot be."""
    unit, exact = _unit_amounts(given)
    product = world.need("product", given["product"], param="product", in_path=False)
    recurring = given.get("recurring")
    price = world.save(
        {
            "id": world.new_id("price"),
            "object": "price",
            "active": given.get("active", True),
            "billing_scheme": "per_unit",
            "created": world.now(),
            "currency": given["currency"],
            "custom_unit_amount": None,
            "livemode": False,
            "lookup_key": given.get("lookup_key"),
            "metadata": merge_metadata(None, given),
            "nickname": given.get("nickname"),
            "product": product["id"],
            "recurring": _recurring(recurring) if recurring else None,
            "tax_behavior": given.get("tax_behavior", "unspecified"),
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "recurring" if recurring else "one_time",
            "unit_amount": unit,
            "unit_amount_decimal": exact,
        }
    )
    emit(world, "price.created", price)
    return price


def _unit_amounts(given: Mapping[str, Any]) -> tuple[int | None, str]:
    """`unit_amount` (None when it has decimals) and `unit_amount_decimal`."""
    if ("unit_amount" in given) == ("unit_amount_decimal" in given):
        raise invalid(
            "You must specify either `unit_amount` or `unit_amount_decimal`.", param="unit_amount"
        )
    if "unit_amount" in given:
        return given["unit_amount"], str(given["unit_amount"])
    exact = given["unit_amount_decimal"]
    return (int(exact) if exact.isdigit() else None), exact


def _recurring(given: Document) -> Document:
    count = given.get("interval_count", 1)
    if count > _LONGEST[given["interval"]]:
        raise invalid(
            "You cannot set an interval of more than three years.",
            param="recurring[interval_count]",
        )
    return {
        "interval": given["interval"],
        "interval_count": count,
        "meter": None,
        "usage_type": "licensed",
    }


def amount_of(price: Document, quantity: int) -> int:
    """Minor units for so many, half up."""
    exact = Decimal(price["unit_amount_decimal"]) * quantity
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def chosen(world: World, given: Document, param: str) -> Document:
    """The price that `price` names or `price_data` describes, as it is shown.

    `_price` is one that Checkout has chosen before.
    """
    if known := given.get("_price"):
        return dict(known)
    if data := given.get("price_data"):
        if product := data.get("product_data"):
            data = {**data, "product": new_product(world, product)["id"]}
        if not data.get("product"):
            raise invalid("Missing required param: product.", param=f"{param}[price_data][product]")
        return plain(world.save({**new_price(world, data), "active": False}))
    if not given.get("price"):
        raise invalid(
            f"Missing required param: {param}[price].",
            param=f"{param}[price]",
            code="parameter_missing",
        )
    price = world.need("price", given["price"], param=f"{param}[price]", in_path=False)
    if not price["active"]:
        raise invalid(
            f"The price specified is inactive. This field only accepts active prices "
            f"({price['id']}).",
            param=f"{param}[price]",
        )
    return plain(price)


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
