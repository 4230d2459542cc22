"""What a product and a price are, and what so many of a price cost."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from opside_sandbox.stripe.errors import Document, invalid, malformed
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.fields import text
from opside_sandbox.stripe.present import plain
from opside_sandbox.stripe.world import World, merge_metadata

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
