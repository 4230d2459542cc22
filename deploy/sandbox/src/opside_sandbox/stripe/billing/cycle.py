"""A subscription in the course of time: renewed, tried, expired, canceled at a planned time."""

from opside_sandbox.stripe import charging
from opside_sandbox.stripe.billing import (
    collecting,
    drafting,
    ending,
    lines,
    settling,
    standing,
    timeline,
)
from opside_sandbox.stripe.billing.subscription_shape import (
    ENDED,
    copied,
    items_of,
    period_of,
    set_period,
)
from opside_sandbox.stripe.clocks import DAY, HOUR, now_of
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.world import World

EXPIRY_SECONDS = 23 * HOUR
_TRIAL_NOTICE = 3 * DAY


def plan(world: World, subscription: Document) -> None:
    """What is to happen next by itself."""
    timeline.at(world, "renew", subscription, period_of(subscription)[1])
    if subscription["status"] == "trialing":
        notice = max(subscription["trial_end"] - _TRIAL_NOTICE, now_of(world, subscription))
        timeline.at(world, "trial_will_end", subscription, notice)
    if subscription["cancel_at"] is not None:
        timeline.at(world, "cancel", subscription, subscription["cancel_at"])
    if (pause := subscription["pause_collection"]) and pause["resumes_at"]:
        timeline.at(world, "unpause", subscription, pause["resumes_at"])


def renew(world: World, subscription_id: str) -> None:
    """A period is over: the next one begins with a draft invoice, or the subscription ends."""
    subscription = world.get("subscription", subscription_id)
    if subscription is None or subscription["status"] in {*ENDED, "incomplete", "paused"}:
        return
    if subscription["cancel_at_period_end"]:
        ending.end(world, subscription, reason="cancellation_requested")
        return
    if subscription["status"] == "trialing" and _trial_ends_it(world, subscription):
        return
    before = copied(subscription)
    period = set_period(subscription, period_of(subscription)[1])
    if subscription["status"] == "trialing":
        subscription["status"] = "active"
    invoice = bill(world, subscription, period, "subscription_cycle")
    subscription["latest_invoice"] = invoice["id"]
    world.save(subscription)
    emit(world, "customer.subscription.updated", subscription, before=before)
    plan(world, subscription)
    _follow_pause(world, subscription, invoice)


def bill(world: World, subscription: Document, period: lines.Period, reason: str) -> Document:
    """The draft for one period, with all that has been waiting for it."""
    customer = world.need("customer", subscription["customer"])
    held = subscription["status"] == "unpaid" or subscription["pause_collection"] is not None
    return drafting.draft(
        world,
        customer,
        [lines.of_item(world, item, period) for item in items_of(subscription)],
        subscription=subscription,
        items=drafting.pending(world, customer["id"], subscription["id"]),
        auto_advance=not held,
        billing_reason=reason,
        currency=subscription["currency"],
        period_start=period[0],
        period_end=period[1],
    )


def _trial_ends_it(world: World, subscription: Document) -> bool:
    """Without a card the trial's settings say what follows."""
    customer = world.need("customer", subscription["customer"])
    method = subscription["default_payment_method"]
    if method or customer["invoice_settings"]["default_payment_method"]:
        return False
    behavior = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    if behavior == "cancel":
        ending.end(world, subscription, reason="cancellation_requested")
    elif behavior == "pause":
        standing.change(world, subscription, status="paused")
        emit(world, "customer.subscription.paused", subscription)
    return bool(behavior != "create_invoice")


def _follow_pause(world: World, subscription: Document, invoice: Document) -> None:
    """While collection is paused the invoice stays a draft, or is given up at once."""
    pause = subscription["pause_collection"]
    if pause is None or pause["behavior"] == "keep_as_draft":
        return
    finished = collecting.finalize(world, invoice)
    if finished["status"] == "open":
        give_up = settling.void if pause["behavior"] == "void" else settling.mark_uncollectible
        give_up(world, finished)


def trial_will_end(world: World, subscription_id: str) -> None:
    """Three days before a trial ends, or at once when it is shorter."""
    subscription = world.get("subscription", subscription_id)
    if subscription is not None and subscription["status"] == "trialing":
        emit(world, "customer.subscription.trial_will_end", subscription)


def unpause(world: World, subscription_id: str) -> None:
    """`resumes_at` of a paused collection has come."""
    subscription = world.get("subscription", subscription_id)
    if subscription is not None and subscription["pause_collection"]:
        standing.change(world, subscription, pause_collection=None)


def cancel_as_planned(world: World, subscription_id: str) -> None:
    """`cancel_at` has come."""
    subscription = world.get("subscription", subscription_id)
    if subscription is not None and subscription["status"] not in ENDED:
        ending.end(world, subscription, reason="cancellation_requested")


def expire_incomplete(world: World, subscription_id: str) -> None:
    """The first payment was not made within 23 hours."""
    subscription = world.get("subscription", subscription_id)
    if subscription is not None and subscription["status"] == "incomplete":
        before = copied(subscription)
        ending.end(world, subscription, reason="payment_failed", status="incomplete_expired")
        void_latest(world, subscription)
        emit(world, "customer.subscription.updated", subscription, before=before)


def void_latest(world: World, subscription: Document) -> None:
    """The first invoice and its PaymentIntent are no longer wanted."""
    invoice = world.get("invoice", subscription["latest_invoice"])
    if invoice is not None and invoice["status"] == "open":
        void(world, invoice)


def void(world: World, invoice: Document) -> Document:
    """Void an open invoice together with its PaymentIntent."""
    settling.void(world, invoice)
    drop_intent(world, invoice)
    return invoice


def drop_intent(world: World, invoice: Document) -> None:
    """The PaymentIntent of an invoice that nobody is to pay any more."""
    intent = world.get("payment_intent", invoice["_intent"] or "")
    if intent is not None and intent["status"] not in {"succeeded", "canceled"}:
        charging.cancel(world, intent, "void_invoice")
