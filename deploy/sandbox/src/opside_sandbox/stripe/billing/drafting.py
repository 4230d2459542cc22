"""Drafts of invoices, and the invoice items that wait for one."""

from typing import Any

from opside_sandbox.stripe import deliveries
from opside_sandbox.stripe.billing import invoice_shape, lines, timeline
from opside_sandbox.stripe.clocks import HOUR, now_of
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.world import World

_LONGEST_WAIT = 72 * HOUR


def new_item(
    world: World,
    customer: Document,
    amount_minor: int,
    period: lines.Period,
    **given: Any,  # noqa: ANN401 (fields of the object)
) -> Document:
    """An invoice item that waits for the customer's next invoice, and its event."""
    subscription = given.pop("subscription", None)
    quantity = given.get("quantity", 1)
    item = world.save(
        {
            "id": world.new_id("invoiceitem"),
            "object": "invoiceitem",
            "amount": amount_minor,
            "currency": customer["currency"] or "usd",
            "customer": customer["id"],
            "customer_account": None,
            "date": now_of(world, customer),
            "description": None,
            "discountable": True,
            "discounts": [],
            "invoice": None,
            "livemode": False,
            "metadata": {},
            "net_amount": amount_minor,
            "parent": _parent(subscription) if subscription else None,
            "period": {"start": period[0], "end": period[1]},
            "pricing": None,
            "proration": False,
            "quantity": quantity,
            "quantity_decimal": str(quantity),
            "tax_rates": [],
            "test_clock": customer["test_clock"],
            **given,
        }
    )
    emit(world, "invoiceitem.created", item)
    return item


def _parent(subscription_id: str) -> Document:
    return {
        "subscription_details": {"subscription": subscription_id},
        "type": "subscription_details",
    }


def pending(world: World, customer_id: str, subscription_id: str | None) -> list[Document]:
    """Invoice items that the next invoice takes up: the customer's, and this subscription's."""
    waiting = world.state.store.list(
        world.collection("invoiceitem"), customer=customer_id, invoice=None
    )

    def owner(one: Document) -> str | None:
        parent = one.get("parent")
        return parent["subscription_details"]["subscription"] if parent else None

    return [
        one for one in waiting if not one.get("deleted") and owner(one) in {None, subscription_id}
    ]


def draft(
    world: World,
    customer: Document,
    own_lines: list[Document],
    *,
    subscription: Document | None = None,
    items: list[Document] | None = None,
    **given: Any,  # noqa: ANN401 (fields of the object)
) -> Document:
    """A new draft with its own lines and the given invoice items; with `auto_advance` it goes on
    by itself after about an hour.
    """
    if subscription is not None:
        given = {
            "collection_method": subscription["collection_method"],
            "days_until_due": subscription["days_until_due"],
            "parent": invoice_shape.subscription_parent(subscription),
            **given,
        }
    invoice = invoice_shape.new(world, customer, own_lines, **given)
    for item in items or []:
        world.save({**item, "invoice": invoice["id"]})
        invoice_shape.add_lines(invoice, [lines.of_invoice_item(world, item)])
    invoice_shape.estimate(invoice, customer)
    if invoice["auto_advance"]:
        invoice["automatically_finalizes_at"] = invoice["created"] + HOUR
        timeline.at(world, "finalize_invoice", invoice, invoice["created"] + HOUR)
    if customer["currency"] is None:
        world.save({**customer, "currency": invoice["currency"]})
    world.save(invoice)
    invoice["_told_by"] = emit(world, "invoice.created", invoice)["id"]
    return world.save(invoice)


def held_up(world: World, invoice: Document) -> bool:
    """Does an endpoint fail to take `invoice.created`? Stripe waits for it up to 72 hours."""
    if now_of(world, invoice) >= invoice["created"] + _LONGEST_WAIT:
        return False
    rows = world.state.store.list(deliveries.DELIVERIES, event=invoice["_told_by"])
    return any(row["status"] == "pending" and row["attempt"] > 0 for row in rows)
