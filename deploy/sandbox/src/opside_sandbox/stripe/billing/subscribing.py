"""How a subscription begins: with a trial, with a payment, or waiting for one."""

from dataclasses import dataclass

from opside_sandbox.stripe import payment_methods, setup_intents
from opside_sandbox.stripe.billing import (
    collecting,
    cycle,
    drafting,
    lines,
    timeline,
)
from opside_sandbox.stripe.billing.subscription_shape import (
    items_of,
    new,
    new_item,
    set_items,
    set_period,
)
from opside_sandbox.stripe.clocks import DAY, now_of
from opside_sandbox.stripe.errors import Document, StripeError, invalid
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.intents import check_owner
from opside_sandbox.stripe.world import Ask, World

_MOST_ON_A_CLOCK = 3


@dataclass(frozen=True, slots=True)
class _Start:
    """A subscription that is being made."""

    world: World
    ask: Ask
    customer: Document
    subscription: Document

    @property
    def method(self) -> str | None:
        """What would be charged."""
        settings = self.customer["invoice_settings"]
        method = self.subscription["default_payment_method"] or settings["default_payment_method"]
        return None if method is None else str(method)


def create(world: World, ask: Ask) -> Document:
    """Make it, bill the first period and try to be paid. Raises StripeError."""
    customer = world.need("customer", ask.params["customer"], param="customer", in_path=False)
    _check(world, ask, customer)
    subscription = new(world, customer, ask.params)
    start = _Start(world, ask, customer, subscription)
    items = [
        new_item(world, subscription, given, f"items[{place}]")
        for place, given in enumerate(ask.get("items", []))
    ]
    set_items(subscription, items)
    trial_end = _trial_end(ask, subscription["created"])
    if trial_end is None:
        set_period(subscription, subscription["created"])
        world.save(subscription)
        _begin(start)
    else:
        _begin_trial(start, trial_end)
    subscription = world.need("subscription", subscription["id"])
    subscription["_making"] = False
    if ask.get("cancel_at_period_end"):
        _cancel_at_end(subscription)
    world.save(subscription)
    cycle.plan(world, subscription)
    emit(world, "customer.subscription.created", subscription)
    return subscription


def _check(world: World, ask: Ask, customer: Document) -> None:
    if method_id := ask.get("default_payment_method"):
        check_owner(payment_methods.resolve(world, method_id), customer["id"])
    sends = ask.get("collection_method") == "send_invoice"
    if sends and "days_until_due" not in ask.params:
        raise invalid(
            "`days_until_due` must be set when `collection_method` is `send_invoice`.",
            param="days_until_due",
        )
    if customer["test_clock"]:
        known = world.state.store.list(world.collection("subscription"), customer=customer["id"])
        if sum(one["ended_at"] is None for one in known) >= _MOST_ON_A_CLOCK:
            raise invalid(
                f"A customer on a test clock has up to {_MOST_ON_A_CLOCK} subscriptions.",
                param="customer",
            )


def _trial_end(ask: Ask, now: int) -> int | None:
    end = ask.get("trial_end")
    if days := ask.get("trial_period_days"):
        if end is not None:
            raise invalid(
                "You may only specify one of these parameters: trial_end, trial_period_days.",
                param="trial_end",
            )
        end = now + days * DAY
    if end in {None, "now"}:
        return None
    if end <= now:
        raise invalid("Invalid timestamp: must be an integer in the future.", param="trial_end")
    return int(end)


def _begin_trial(start: _Start, trial_end: int) -> None:
    world, subscription = start.world, start.subscription
    now = subscription["created"]
    set_period(subscription, now, trial_end)
    subscription.update(
        status="trialing", trial_start=now, trial_end=trial_end, billing_cycle_anchor=trial_end
    )
    charged = subscription["collection_method"] == "charge_automatically"
    if start.method is None and charged:
        subscription["pending_setup_intent"] = setup_intents.make(
            world,
            Ask({"customer": start.customer["id"], "payment_method_types": ["card"]}),
        )["id"]
    world.save(subscription)
    invoice = _first_invoice(start, trial=True)
    collecting.finalize(world, invoice)


def _first_invoice(start: _Start, *, trial: bool = False, auto_advance: bool = False) -> Document:
    world, subscription = start.world, start.subscription
    first = items_of(subscription)[0]
    period = (first["current_period_start"], first["current_period_end"])
    invoice = drafting.draft(
        world,
        start.customer,
        [lines.of_item(world, item, period, trial=trial) for item in items_of(subscription)],
        subscription=subscription,
        items=drafting.pending(world, start.customer["id"], subscription["id"]),
        auto_advance=auto_advance,
        billing_reason="subscription_create",
        currency=subscription["currency"],
    )
    subscription["latest_invoice"] = invoice["id"]
    world.save(subscription)
    return invoice


def _begin(start: _Start) -> None:
    """Bill the first period and, as `payment_behavior` says, wait for or demand its payment."""
    world, subscription = start.world, start.subscription
    if subscription["collection_method"] == "send_invoice":
        subscription["status"] = "active"
        _first_invoice(start, auto_advance=True)
        return
    behavior = start.ask.get("payment_behavior", "allow_incomplete")
    invoice = collecting.finalize(world, _first_invoice(start))
    if invoice["status"] == "open":
        invoice["auto_advance"] = False
        timeline.at(
            world,
            "expire_incomplete",
            subscription,
            now_of(world, subscription) + cycle.EXPIRY_SECONDS,
        )
        if behavior == "default_incomplete":
            _offer(world, invoice, start.method)
        else:
            pay_now(world, invoice, start.ask, demanded=behavior == "error_if_incomplete")


def _offer(world: World, invoice: Document, method: str | None) -> None:
    """The PaymentIntent waits for a browser, with the default card if there is one."""
    intent = world.need("payment_intent", invoice["_intent"])
    if method is not None:
        world.save({**intent, "payment_method": method, "status": "requires_confirmation"})


def pay_now(world: World, invoice: Document, ask: Ask, *, demanded: bool) -> None:
    """Charge an invoice within a request; when `demanded`, anything but success is an error."""
    params = {"off_session": ask.get("off_session", False)}
    try:
        paid = collecting.charge(world, invoice, Ask(params, base_url=ask.base_url))
    except StripeError as error:
        if not error.keeps_effects:
            raise
        if demanded:
            raise _undone(error) from None
        return
    if demanded and paid["status"] != "paid":
        raise StripeError(
            402,
            "This payment requires additional user action before it can be completed successfully.",
            kind="card_error",
            code="subscription_payment_intent_requires_action",
        )


def _undone(error: StripeError) -> StripeError:
    """The decline without the objects that its request no longer leaves behind."""
    extra = {
        name: value
        for name, value in error.extra.items()
        if name not in {"payment_intent", "charge"}
    }
    return StripeError(error.status, error.message, kind=error.kind, code=error.code, extra=extra)


def _cancel_at_end(subscription: Document) -> None:
    subscription.update(
        cancel_at_period_end=True,
        cancel_at=items_of(subscription)[0]["current_period_end"],
        canceled_at=subscription["created"],
        cancellation_details={
            **subscription["cancellation_details"],
            "reason": "cancellation_requested",
        },
    )
