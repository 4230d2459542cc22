"""The subscription object and its items."""

from opside_sandbox.stripe.billing import intervals, pricing
from opside_sandbox.stripe.clocks import now_of
from opside_sandbox.stripe.errors import Document, invalid
from opside_sandbox.stripe.world import World, merge_metadata

ENDED = {"canceled", "incomplete_expired"}


def new(world: World, customer: Document, given: Document) -> Document:
    """A subscription that has not begun; its items and periods come later."""
    now = now_of(world, customer)
    return {
        "id": world.new_id("subscription"),
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": now,
        "billing_cycle_anchor_config": None,
        "billing_mode": _billing_mode(given.get("billing_mode")),
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": given.get("cancel_at"),
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": given.get("collection_method", "charge_automatically"),
        "created": now,
        "currency": "usd",
        "customer": customer["id"],
        "customer_account": None,
        "days_until_due": given.get("days_until_due"),
        "default_payment_method": given.get("default_payment_method"),
        "default_source": None,
        "default_tax_rates": [],
        "description": given.get("description"),
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": {},
        "latest_invoice": None,
        "livemode": False,
        "managed_payments": None,
        "metadata": merge_metadata(None, given),
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": payment_settings(given.get("payment_settings")),
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": now,
        "status": "incomplete",
        "test_clock": customer["test_clock"],
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": given.get("trial_settings")
        or {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": None,
        "_making": True,
    }


def _billing_mode(given: Document | None) -> Document:
    if given and given["type"] == "classic":
        return {"flexible": None, "type": "classic"}
    return {"flexible": {"proration_discounts": "included"}, "type": "flexible"}


def payment_settings(given: Document | None) -> Document:
    """All keys, whatever was given."""
    given = given or {}
    return {
        "payment_method_options": None,
        "payment_method_types": given.get("payment_method_types"),
        "save_default_payment_method": given.get("save_default_payment_method", "off"),
    }


def new_item(world: World, subscription: Document, given: Document, param: str) -> Document:
    """An item of this subscription; its period is set with the subscription's."""
    price = pricing.chosen(world, given, param)
    check_price(price, param)
    return {
        "id": world.new_id("subscription_item"),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": now_of(world, subscription),
        "current_period_end": 0,
        "current_period_start": 0,
        "discounts": [],
        "metadata": merge_metadata(None, given),
        "price": price,
        "quantity": given.get("quantity", 1),
        "subscription": subscription["id"],
        "tax_rates": [],
    }


def check_price(price: Document, param: str) -> None:
    """Subscriptions take recurring prices only."""
    if price["recurring"] is None:
        raise invalid(
            "The price specified is set to `type=one_time` but this field only accepts prices "
            "with `type=recurring`.",
            param=f"{param}[price]",
        )


def set_items(subscription: Document, items: list[Document]) -> None:
    """Replace the items. Raises StripeError when they do not go together."""
    if not items:
        raise invalid("A subscription needs at least one item.", param="items")
    first = items[0]["price"]
    for item in items:
        if item["price"]["currency"] != first["currency"]:
            raise invalid("All prices of a subscription have the same currency.", param="items")
        if item["price"]["recurring"] != first["recurring"]:
            raise invalid(
                "The sandbox bills all items of a subscription at the same interval.",
                param="items",
            )
    if len({item["price"]["id"] for item in items}) != len(items):
        raise invalid("Cannot add multiple subscription items with the same price.", param="items")
    subscription["items"] = {
        "object": "list",
        "data": items,
        "has_more": False,
        "url": f"/v1/subscription_items?subscription={subscription['id']}",
    }
    subscription["currency"] = first["currency"]


def items_of(subscription: Document) -> list[Document]:
    """The items."""
    known: list[Document] = subscription["items"]["data"]
    return known


def recurring_of(subscription: Document) -> Document:
    """The interval that all items share."""
    interval: Document = items_of(subscription)[0]["price"]["recurring"]
    return interval


def period_of(subscription: Document) -> tuple[int, int]:
    """Start and end of the current period."""
    first = items_of(subscription)[0]
    return first["current_period_start"], first["current_period_end"]


def set_period(subscription: Document, start: int, end: int | None = None) -> tuple[int, int]:
    """Begin a period; without `end` it goes to the next boundary of the cycle."""
    if end is None:
        anchor = subscription["billing_cycle_anchor"]
        end = intervals.next_boundary(anchor, recurring_of(subscription), start)
    for item in items_of(subscription):
        item.update(current_period_start=start, current_period_end=end)
    return start, end


def copied(subscription: Document) -> Document:
    """A copy deep enough to compare with later."""
    items = [dict(item) for item in items_of(subscription)]
    return {**subscription, "items": {**subscription["items"], "data": items}}
