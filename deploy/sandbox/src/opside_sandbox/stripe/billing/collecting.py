"""How an invoice is finalized, charged and charged again."""

from collections.abc import Callable

from opside_sandbox.stripe import charging, payment_intents
from opside_sandbox.stripe.billing import (
    drafting,
    invoice_shape,
    policy,
    settling,
    standing,
    timeline,
)
from opside_sandbox.stripe.clocks import DAY, HOUR, now_of
from opside_sandbox.stripe.errors import Document, StripeError, invalid
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.world import Ask, World

RETRY_DAYS = (3, 5, 7)
"""Waits before the automatic retries: Stripe's own fixed schedule."""
_WHY = {
    "subscription_create": "Subscription creation",
    "subscription_cycle": "Subscription update",
    "subscription_update": "Subscription update",
}
_NO_METHOD = (
    "This customer has no attached payment source or default payment method. Please consider "
    "adding a default payment method. For more information, visit "
    "https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority."
)


def finalize(world: World, invoice: Document) -> Document:
    """Draft to open, or straight to paid when nothing is due. Takes the customer's balance."""
    if invoice["status"] != "draft":
        raise invalid(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
            code="invoice_not_editable",
        )
    now = now_of(world, invoice)
    timeline.forget(world, "finalize_invoice", invoice)
    customer = world.need("customer", invoice["customer"])
    ending = invoice_shape.estimate(invoice, customer)
    number = customer["next_invoice_sequence"]
    world.save({**customer, "next_invoice_sequence": number + 1, "balance": ending})
    invoice.update(
        status="open",
        automatically_finalizes_at=None,
        effective_at=now,
        ending_balance=ending,
        number=f"{customer['invoice_prefix']}-{number:04d}",
        status_transitions={**invoice["status_transitions"], "finalized_at": now},
        webhooks_delivered_at=now,
    )
    if ending != customer["balance"]:
        changed = world.need("customer", customer["id"])
        emit(world, "customer.updated", changed, before=customer)
    if invoice["collection_method"] == "send_invoice":
        _set_due_date(world, invoice, now)
    if invoice["amount_due"] > 0:
        _make_intent(world, invoice)
    world.save(invoice)
    emit(world, "invoice.finalized", invoice)
    if invoice["amount_due"] == 0:
        return settling.mark_paid(world, invoice)
    return invoice


def _set_due_date(world: World, invoice: Document, now: int) -> None:
    if invoice["due_date"] is None:
        invoice["due_date"] = now + (invoice["_days_until_due"] or 30) * DAY
    timeline.at(world, "overdue_invoice", invoice, invoice["due_date"])


def _make_intent(world: World, invoice: Document) -> None:
    """The PaymentIntent that is to pay the invoice, and the record that joins the two."""
    subscribes = invoice["billing_reason"].startswith("subscription")
    params: Document = {
        "amount": invoice["amount_due"],
        "capture_method": "automatic",
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "payment_method_types": ["card"],
    }
    if subscribes:
        params["setup_future_usage"] = "off_session"
    if why := _WHY.get(invoice["billing_reason"]) or invoice["description"]:
        params["description"] = why
    intent = payment_intents.make(world, Ask(params), _invoice=invoice["id"])
    invoice["_intent"] = intent["id"]
    world.save(
        {
            "id": world.new_id("invoice_payment"),
            "object": "invoice_payment",
            "amount_paid": None,
            "amount_requested": invoice["amount_due"],
            "created": now_of(world, invoice),
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "livemode": False,
            "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        }
    )


def method_for(world: World, invoice: Document) -> str | None:
    """The invoice's own payment method, else the subscription's, else the customer's."""
    subscription = invoice_shape.subscription_of(world, invoice) or {}
    customer = world.need("customer", invoice["customer"])
    method = (
        invoice["default_payment_method"]
        or subscription.get("default_payment_method")
        or customer["invoice_settings"]["default_payment_method"]
    )
    return None if method is None else str(method)


def charge(world: World, invoice: Document, ask: Ask) -> Document:
    """Try to pay an open invoice now; answers it as it then is.

    Raises a card error whose effects are kept, or StripeError when there is nothing to charge.
    """
    method = ask.get("payment_method") or method_for(world, invoice)
    if method is None:
        raise invalid(_NO_METHOD, code="resource_missing")
    intent = world.need("payment_intent", invoice["_intent"])
    params = {"payment_method": method, "off_session": ask.get("off_session", True)}
    charging.confirm(world, Ask(params, base_url=ask.base_url), intent)
    return world.need("invoice", invoice["id"])


def charge_by_itself(world: World, invoice: Document) -> None:
    """Charge on the schedule: a failure plans the next try or, after the last, ends it."""
    if invoice["collection_method"] == "send_invoice":
        emit(world, "invoice.sent", invoice)
        return
    invoice["attempt_count"] += 1
    world.save(invoice)
    try:
        invoice = charge(world, invoice, Ask({}))
    except StripeError as error:
        invoice = world.need("invoice", invoice["id"])
        if not error.keeps_effects:  # no card to charge
            settling.note_failure(world, invoice, None)
            invoice = world.need("invoice", invoice["id"])
    if invoice["status"] == "open":
        plan_retry(world, invoice)


def plan_retry(world: World, invoice: Document) -> None:
    """When the invoice is charged next; after the last try, what the account's policy says."""
    tries, before = max(1, invoice["attempt_count"]), dict(invoice)
    if tries > len(RETRY_DAYS):
        invoice["next_payment_attempt"] = None
    else:
        due_at = now_of(world, invoice) + RETRY_DAYS[tries - 1] * DAY
        invoice["next_payment_attempt"] = due_at
        timeline.at(world, "retry_invoice", invoice, due_at)
    world.save(invoice)
    emit(world, "invoice.updated", invoice, before=before)
    if invoice["next_payment_attempt"] is None:
        policy.give_up(world, invoice)


def advance(world: World, invoice_id: str) -> None:
    """An automatic draft has waited its hour (longer while an endpoint fails to take it)."""
    invoice = world.get("invoice", invoice_id)
    if invoice is None or invoice["status"] != "draft" or not _goes_on(world, invoice):
        return
    if drafting.held_up(world, invoice):
        timeline.at(world, "finalize_invoice", invoice, now_of(world, invoice) + HOUR)
        return
    finished = finalize(world, invoice)
    if finished["status"] == "open":
        charge_by_itself(world, finished)


def retry(world: World, invoice_id: str) -> None:
    """The time of an automatic retry has come."""
    _when_open(world, invoice_id, charge_by_itself)


def overdue(world: World, invoice_id: str) -> None:
    """The due date of a sent invoice has passed."""

    def tell(world: World, invoice: Document) -> None:
        emit(world, "invoice.overdue", invoice)
        standing.failed(world, invoice)

    _when_open(world, invoice_id, tell)


def _when_open(world: World, invoice_id: str, act: Callable[[World, Document], None]) -> None:
    invoice = world.get("invoice", invoice_id)
    if invoice is not None and invoice["status"] == "open" and _goes_on(world, invoice):
        act(world, invoice)


def _goes_on(world: World, invoice: Document) -> bool:
    """By itself, and for a customer who is still there."""
    customer = world.get("customer", invoice["customer"]) or {"deleted": True}
    return bool(invoice["auto_advance"]) and not customer.get("deleted")
