"""What a paid or a failed invoice means for its subscription."""

from opside_sandbox.stripe.billing import timeline
from opside_sandbox.stripe.billing.invoice_shape import subscription_of
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.world import World

_HEALED_BY_PAYMENT = {"incomplete", "past_due", "unpaid", "paused"}
_HURT_BY_FAILURE = {"active", "trialing"}


def change(world: World, subscription: Document, **new: object) -> Document:
    """Store the new values and tell, unless nothing changes or the subscription is being made."""
    before = dict(subscription)
    subscription.update(new)
    world.save(subscription)
    if subscription != before and not subscription["_making"]:
        emit(world, "customer.subscription.updated", subscription, before=before)
    return subscription


def paid(world: World, invoice: Document, intent: Document | None) -> None:
    """The latest invoice is paid (or forgiven): the subscription is in good standing."""
    subscription = subscription_of(world, invoice)
    if subscription is None:
        return
    new: Document = {}
    if subscription["latest_invoice"] == invoice["id"]:
        if subscription["status"] in _HEALED_BY_PAYMENT:
            new["status"] = "active"
        timeline.forget(world, "expire_incomplete", subscription)
    saves = (subscription["payment_settings"] or {}).get("save_default_payment_method")
    if intent is not None and saves == "on_subscription":
        new["default_payment_method"] = intent["payment_method"]
    resumed = subscription["status"] == "paused" and "status" in new
    change(world, subscription, **new)
    if resumed:
        emit(world, "customer.subscription.resumed", subscription)


def failed(world: World, invoice: Document) -> None:
    """A payment failed or is overdue: past due, unless the subscription has not begun yet."""
    subscription = subscription_of(world, invoice)
    if subscription is None or subscription["latest_invoice"] != invoice["id"]:
        return
    if subscription["status"] in _HURT_BY_FAILURE and not subscription["_making"]:
        change(world, subscription, status="past_due")
