"""Updates of a subscription: prices, trial, cancellation, and a paused one that goes on."""

from opside_sandbox.stripe import payment_methods
from opside_sandbox.stripe.billing import (
    collecting,
    cycle,
    drafting,
    ending,
    lines,
    prorating,
    timeline,
)
from opside_sandbox.stripe.billing.subscribing import pay_now
from opside_sandbox.stripe.billing.subscription_shape import (
    ENDED,
    copied,
    items_of,
    payment_settings,
    period_of,
    recurring_of,
    set_period,
)
from opside_sandbox.stripe.clocks import now_of
from opside_sandbox.stripe.errors import Document, invalid
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.intents import check_owner
from opside_sandbox.stripe.world import Ask, World, merge_metadata, take

_PLAIN = ("collection_method", "days_until_due", "description")
_LEFT_WHEN_ENDED = {"metadata", "cancellation_details"}


def update(world: World, ask: Ask, subscription: Document) -> Document:
    """Apply an update request. Raises StripeError, and then nothing has changed."""
    if subscription["status"] in ENDED and set(ask.params) - _LEFT_WHEN_ENDED:
        raise invalid(
            "A canceled subscription can only update its cancellation_details and metadata."
        )
    before, now = copied(subscription), now_of(world, subscription)
    recurring = recurring_of(subscription)
    take(subscription, ask.params, *_PLAIN, "trial_settings")
    subscription["metadata"] = merge_metadata(subscription["metadata"], ask.params)
    if "pause_collection" in ask.params:
        pause = ask.params["pause_collection"]
        subscription["pause_collection"] = pause and {"resumes_at": None, **pause}
    _set_payment(world, ask, subscription)
    changes = prorating.change_items(world, subscription, ask.get("items", []))
    set_cancellation(subscription, ask.params, now)
    anew = ask.get("billing_cycle_anchor") == "now" or recurring_of(subscription) != recurring
    if "trial_end" in ask.params:
        anew = _set_trial_end(subscription, ask.params["trial_end"], now) or anew
    if subscription["status"] in ENDED:
        world.save(subscription)
    elif anew and subscription["status"] != "incomplete":
        _start_anew(world, ask, subscription, before)
    else:
        _prorate(world, ask, subscription, changes)
    subscription = world.need("subscription", subscription["id"])
    if copied(subscription) != before:
        emit(world, "customer.subscription.updated", subscription, before=before)
    if subscription["status"] not in ENDED:
        timeline.forget(world, "cancel", subscription)
        cycle.plan(world, subscription)
    return subscription


def _set_payment(world: World, ask: Ask, subscription: Document) -> None:
    if method_id := ask.get("default_payment_method"):
        method = payment_methods.resolve(world, method_id)
        check_owner(method, subscription["customer"])
        subscription["default_payment_method"] = method["id"]
    if given := ask.get("payment_settings"):
        known = subscription["payment_settings"]
        subscription["payment_settings"] = payment_settings({**known, **given})


def set_cancellation(subscription: Document, given: Document, now: int) -> None:
    """`cancel_at_period_end`, `cancel_at`, and why."""
    details = {**subscription["cancellation_details"], **(given.get("cancellation_details") or {})}
    if given.get("cancel_at_period_end") or given.get("cancel_at"):
        ends = bool(given.get("cancel_at_period_end"))
        details["reason"] = "cancellation_requested"
        subscription.update(
            cancel_at_period_end=ends,
            cancel_at=period_of(subscription)[1] if ends else given["cancel_at"],
            canceled_at=now,
        )
    elif given.get("cancel_at_period_end") is False or "cancel_at" in given:
        details["reason"] = None
        subscription.update(cancel_at_period_end=False, cancel_at=None, canceled_at=None)
    subscription["cancellation_details"] = details


def _set_trial_end(subscription: Document, trial_end: int | str, now: int) -> bool:
    """Only a running trial can be moved; ended now, billing starts anew (True)."""
    if subscription["status"] != "trialing":
        raise invalid("The sandbox moves the end of a running trial only.", param="trial_end")
    if trial_end == "now":
        return True
    end = int(trial_end)
    if end <= now:
        raise invalid("Invalid timestamp: must be an integer in the future.", param="trial_end")
    subscription.update(trial_end=end, billing_cycle_anchor=end)
    set_period(subscription, period_of(subscription)[0], end)
    return False


def _prorate(
    world: World, ask: Ask, subscription: Document, changes: list[prorating.Change]
) -> None:
    """Within the period: the difference waits for the next invoice, or is billed at once."""
    behavior = ask.get("proration_behavior", "create_prorations")
    world.save(subscription)
    billed = subscription["status"] in {"active", "past_due"}
    if behavior == "none" or not changes or not billed:
        return
    at = ask.get("proration_date", now_of(world, subscription))
    prorating.prorate(world, subscription, changes, at)
    if behavior == "always_invoice":
        _bill(world, ask, subscription, [])


def _start_anew(world: World, ask: Ask, subscription: Document, before: Document) -> None:
    """A new cycle from now on: the old rest is credited, the new period billed at once."""
    now = now_of(world, subscription)
    behavior = ask.get("proration_behavior", "create_prorations")
    if behavior != "none" and before["status"] in {"active", "past_due"}:
        prorating.prorate(world, before, [(old, None) for old in items_of(before)], now)
    if before["status"] == "trialing":
        subscription.update(status="active", trial_end=now)
    subscription["billing_cycle_anchor"] = now
    period = set_period(subscription, now)
    world.save(subscription)
    own = [lines.of_item(world, item, period) for item in items_of(subscription)]
    _bill(world, ask, subscription, own)


def _bill(world: World, ask: Ask, subscription: Document, own: list[Document]) -> Document:
    """An invoice in the middle of things, finalized and charged at once."""
    customer = world.need("customer", subscription["customer"])
    period = period_of(subscription)
    invoice = drafting.draft(
        world,
        customer,
        own,
        subscription=subscription,
        items=drafting.pending(world, customer["id"], subscription["id"]),
        auto_advance=True,
        billing_reason="subscription_update",
        currency=subscription["currency"],
        period_start=period[0],
        period_end=period[1],
    )
    subscription["latest_invoice"] = invoice["id"]
    world.save({**subscription, "_making": True})  # its one event comes at the end
    invoice = collecting.finalize(world, invoice)
    if invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically":
        behavior = ask.get("payment_behavior", "allow_incomplete")
        if behavior != "default_incomplete":
            pay_now(world, invoice, ask, demanded=behavior == "error_if_incomplete")
        invoice = world.need("invoice", invoice["id"])
    subscription = world.need("subscription", subscription["id"])
    if invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically":
        subscription["status"] = "past_due" if subscription["status"] != "paused" else "paused"
        collecting.plan_retry(world, invoice)
    return world.save({**subscription, "_making": False})


def resume(world: World, ask: Ask, subscription: Document) -> Document:
    """A paused subscription goes on once its resumption invoice is paid."""
    if subscription["status"] != "paused":
        raise invalid("Only paused subscriptions can be resumed.")
    before = copied(subscription)
    if ask.get("billing_cycle_anchor") == "unchanged":
        anchor = subscription["billing_cycle_anchor"]
    else:
        anchor = now_of(world, subscription)
    subscription["billing_cycle_anchor"] = anchor
    period = set_period(subscription, now_of(world, subscription))
    own = [lines.of_item(world, item, period) for item in items_of(subscription)]
    subscription = _bill(world, ask, subscription, own)
    if copied(subscription) != before:
        emit(world, "customer.subscription.updated", subscription, before=before)
    cycle.plan(world, subscription)
    return subscription


def cancel(world: World, ask: Ask, subscription: Document) -> Document:
    """Now; `prorate` credits the rest, `invoice_now` bills what still waits."""
    if subscription["status"] in ENDED:
        raise invalid(f"No such subscription: '{subscription['id']}'", code="resource_missing")
    if subscription["status"] == "incomplete":
        cycle.expire_incomplete(world, subscription["id"])
        return world.need("subscription", subscription["id"])
    details = ask.get("cancellation_details") or {}
    subscription["cancellation_details"] = {**subscription["cancellation_details"], **details}
    world.save(subscription)
    if ask.get("prorate") and subscription["status"] in {"active", "past_due"}:
        rest: list[prorating.Change] = [(one, None) for one in items_of(subscription)]
        prorating.prorate(world, subscription, rest, now_of(world, subscription))
    if ask.get("invoice_now"):
        subscription = _bill(world, ask, subscription, [])
    return ending.end(world, subscription, reason="cancellation_requested")
