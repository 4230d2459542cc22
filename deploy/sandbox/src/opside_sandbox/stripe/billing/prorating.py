"""Other prices or quantities in the middle of a period: credit the old rest, bill the new."""

from datetime import UTC, datetime

from opside_sandbox.stripe.billing import drafting, intervals, lines, pricing
from opside_sandbox.stripe.billing.subscription_shape import (
    check_price,
    items_of,
    new_item,
    period_of,
    set_items,
    set_period,
)
from opside_sandbox.stripe.errors import Document, invalid, missing
from opside_sandbox.stripe.world import World, merge_metadata

Change = tuple[Document | None, Document | None]
"""An item before and after; None: it was not there, or is gone."""


def change_items(world: World, subscription: Document, given: list[Document]) -> list[Change]:
    """Apply an update's `items`; answers what differs in price or quantity."""
    period, known = period_of(subscription), {one["id"]: one for one in items_of(subscription)}
    changes: list[Change] = []
    for place, one in enumerate(given):
        param = f"items[{place}]"
        if "id" not in one:
            added = new_item(world, subscription, one, param)
            known[added["id"]] = added
            changes.append((None, added))
            continue
        old = known.get(one["id"])
        if old is None:
            raise missing("subscription_item", one["id"], param=f"{param}[id]", in_path=False)
        if one.get("deleted"):
            del known[one["id"]]
            changes.append((old, None))
            continue
        new = known[one["id"]] = _updated(world, old, one, param)
        if (new["price"]["id"], new["quantity"]) != (old["price"]["id"], old["quantity"]):
            changes.append((old, new))
    set_items(subscription, list(known.values()))
    set_period(subscription, *period)
    return changes


def _updated(world: World, old: Document, given: Document, param: str) -> Document:
    new = {**old, "metadata": merge_metadata(old["metadata"], given)}
    if given.get("price") or given.get("price_data"):
        new["price"] = pricing.chosen(world, given, param)
        check_price(new["price"], param)
    new["quantity"] = given.get("quantity", old["quantity"])
    return new


def prorate(world: World, subscription: Document, changes: list[Change], at: int) -> None:
    """Make the invoice items for what changes at this time; they wait for the next invoice."""
    customer = world.need("customer", subscription["customer"])
    for old, new in changes:
        if old is not None:
            _item(world, customer, old, at, sign=-1)
        if new is not None:
            _item(world, customer, new, at, sign=1)


def _item(world: World, customer: Document, item: Document, at: int, *, sign: int) -> None:
    start, end = item["current_period_start"], item["current_period_end"]
    if not start <= at <= end:
        raise invalid(
            "The proration date must be within the current period.", param="proration_date"
        )
    price, quantity = item["price"], item["quantity"]
    name = lines.product_name(world, price)
    many = f"{quantity} \u00d7 {name}" if quantity != 1 else name
    what = "Remaining time on" if sign > 0 else "Unused time on"
    drafting.new_item(
        world,
        customer,
        sign * intervals.share(pricing.amount_of(price, quantity), start, end, at),
        (at, end),
        currency=price["currency"],
        description=f"{what} {many} after {datetime.fromtimestamp(at, UTC):%d %b %Y}",
        discountable=False,
        pricing=lines.pricing(price),
        proration=True,
        proration_details={"credited_items": None, "discount_amounts": []},
        quantity=quantity,
        subscription=item["subscription"],
    )
