"""How a subscription ends."""

from opside_sandbox.stripe.billing import timeline
from opside_sandbox.stripe.clocks import now_of
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.world import World

_PLANS = ("renew", "cancel", "expire_incomplete", "trial_will_end", "unpause")


def end(world: World, subscription: Document, *, reason: str, status: str = "canceled") -> Document:
    """Now. What is not paid yet is no longer collected by itself."""
    now = now_of(world, subscription)
    details = subscription["cancellation_details"]
    subscription.update(
        status=status,
        canceled_at=subscription["canceled_at"] or now,
        cancellation_details={**details, "reason": details["reason"] or reason},
        ended_at=now,
    )
    for plan in _PLANS:
        timeline.forget(world, plan, subscription)
    _stop_collecting(world, subscription)
    world.save(subscription)
    if status == "canceled":
        emit(world, "customer.subscription.deleted", subscription)
    return subscription


def _stop_collecting(world: World, subscription: Document) -> None:
    for invoice in invoices_of(world, subscription):
        if invoice["status"] in {"draft", "open"} and invoice["auto_advance"]:
            before = dict(invoice)
            invoice.update(
                auto_advance=False, automatically_finalizes_at=None, next_payment_attempt=None
            )
            for plan in ("finalize_invoice", "retry_invoice"):
                timeline.forget(world, plan, invoice)
            world.save(invoice)
            emit(world, "invoice.updated", invoice, before=before)


def invoices_of(world: World, subscription: Document) -> list[Document]:
    """The subscription's invoices, the newest first."""
    known = world.state.store.list(
        world.collection("invoice"), newest_first=True, customer=subscription["customer"]
    )
    return [
        one
        for one in known
        if (parent := one.get("parent"))
        and parent["subscription_details"]["subscription"] == subscription["id"]
    ]


def end_all(world: World, customer: Document) -> None:
    """The customer goes: all his subscriptions end."""
    known = world.state.store.list(world.collection("subscription"), customer=customer["id"])
    for one in known:
        if one["ended_at"] is None:
            end(world, one, reason="cancellation_requested")
