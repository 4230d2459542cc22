"""Lines of an invoice: from a subscription's item, or from an invoice item."""

from opside_sandbox.stripe.billing.pricing import amount_of
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.world import World

Period = tuple[int, int]


def pricing(price: Document) -> Document:
    """The `pricing` of a line or an invoice item."""
    return {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": price["unit_amount_decimal"],
    }


def product_name(world: World, price: Document) -> str:
    """What the customer reads."""
    product = world.get("product", price["product"]) or {}
    return str(product.get("name", price["product"]))


def of_item(world: World, item: Document, period: Period, *, trial: bool = False) -> Document:
    """One period of a subscription item; a trial costs nothing."""
    price, quantity = item["price"], item["quantity"]
    name, amount = product_name(world, price), amount_of(price, quantity)
    each = price["recurring"]
    words = (
        f"Trial period for {name}"
        if trial
        else f"{quantity} \u00d7 {name} (at {money(price)} / {each['interval']})"
    )
    return _line(
        world,
        {
            "amount": 0 if trial else amount,
            "currency": price["currency"],
            "description": words,
            "metadata": item["metadata"],
            "parent": {
                "invoice_item_details": None,
                "subscription_item_details": {
                    "invoice_item": None,
                    "proration": False,
                    "proration_details": {"credited_items": None},
                    "subscription": item["subscription"],
                    "subscription_item": item["id"],
                },
                "type": "subscription_item_details",
            },
            "pricing": pricing(price),
            "quantity": quantity,
            "subscription": item["subscription"],
        },
        period,
    )


def of_invoice_item(world: World, item: Document) -> Document:
    """The line of an invoice item (a proration among them)."""
    parent = item["parent"]
    subscription = parent["subscription_details"]["subscription"] if parent else None
    return _line(
        world,
        {
            "amount": item["amount"],
            "currency": item["currency"],
            "description": item["description"],
            "metadata": item["metadata"],
            "parent": {
                "invoice_item_details": {
                    "invoice_item": item["id"],
                    "proration": item["proration"],
                    "proration_details": {"credited_items": None},
                    "subscription": subscription,
                },
                "subscription_item_details": None,
                "type": "invoice_item_details",
            },
            "pricing": item["pricing"],
            "quantity": item["quantity"],
            "subscription": subscription,
        },
        (item["period"]["start"], item["period"]["end"]),
    )


def _line(world: World, given: Document, period: Period) -> Document:
    return {
        **given,
        "id": world.new_id("line_item"),
        "object": "line_item",
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "period": {"start": period[0], "end": period[1]},
        "pretax_credit_amounts": [],
        "quantity_decimal": str(given["quantity"]),
        "subtotal": given["amount"],
        "taxes": [],
    }


def money(price: Document) -> str:
    """A unit price in words; zero-decimal currencies are written as they are."""
    if price["unit_amount"] is None or price["currency"] in {"jpy", "krw"}:
        return f"{price['unit_amount_decimal']} {price['currency'].upper()}"
    whole, rest = divmod(price["unit_amount"], 100)
    sign = "$" if price["currency"] == "usd" else f"{price['currency'].upper()} "
    return f"{sign}{whole}.{rest:02d}"
