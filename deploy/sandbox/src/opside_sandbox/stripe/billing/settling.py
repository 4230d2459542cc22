"""How an invoice ends, and how it follows the PaymentIntent that is to pay it."""

from opside_sandbox.stripe.billing import standing, timeline
from opside_sandbox.stripe.clocks import now_of
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.world import World

_PAYABLE = {"open", "uncollectible"}


def intent_changed(world: World, intent: Document) -> None:
    """Called by the code that charges, after each step of an intent."""
    invoice = world.get("invoice", intent.get("_invoice") or "")
    if invoice is None or invoice["status"] not in _PAYABLE:
        return
    if intent["status"] == "succeeded":
        mark_paid(world, invoice, intent=intent)
    elif intent["status"] == "requires_action":
        emit(world, "invoice.payment_action_required", _attempted(world, invoice))
    elif intent["status"] == "requires_payment_method" and intent["last_payment_error"]:
        note_failure(world, invoice, intent["last_payment_error"])


def mark_paid(
    world: World, invoice: Document, *, intent: Document | None = None, outside: bool = False
) -> Document:
    """Nothing is left to pay: by this intent, from the customer's balance, or `outside`."""
    before = dict(invoice)
    now, amount = now_of(world, invoice), invoice["amount_due"]
    invoice.update(
        status="paid",
        amount_paid=amount,
        amount_paid_off_stripe=amount if outside else 0,
        amount_remaining=0,
        attempted=True,
        attempt_count=invoice["attempt_count"] or (1 if intent else 0),
        auto_advance=False,
        next_payment_attempt=None,
        status_transitions={**invoice["status_transitions"], "paid_at": now},
    )
    _end(world, invoice, before)
    payment = _settle_payment(world, invoice, now, paid=intent is not None)
    emit(world, "invoice.paid", invoice)
    if not outside:
        emit(world, "invoice.payment_succeeded", invoice)
    if payment is not None and intent is not None:
        emit(world, "invoice_payment.paid", payment)
    standing.paid(world, invoice, intent)
    return invoice


def note_failure(world: World, invoice: Document, error: Document | None) -> None:
    """A payment attempt failed."""
    invoice = _attempted(world, invoice)
    if error and error["code"] == "authentication_required":
        emit(world, "invoice.payment_action_required", invoice)
    emit(world, "invoice.payment_failed", invoice)
    standing.failed(world, invoice)


def _attempted(world: World, invoice: Document) -> Document:
    """Any first attempt counts; later ones count when they are automatic retries."""
    if not invoice["attempted"]:
        before = dict(invoice)
        invoice.update(attempted=True, attempt_count=max(1, invoice["attempt_count"]))
        world.save(invoice)
        emit(world, "invoice.updated", invoice, before=before)
    return invoice


def void(world: World, invoice: Document) -> Document:
    """As if it had never been: what it took from the customer's balance goes back."""
    before, now = dict(invoice), now_of(world, invoice)
    customer = world.get("customer", invoice["customer"])
    taken = invoice["starting_balance"] - (invoice["ending_balance"] or 0)
    if invoice["ending_balance"] is not None and taken and customer and not customer.get("deleted"):
        world.save({**customer, "balance": customer["balance"] + taken})
    invoice.update(
        status="void",
        amount_remaining=0,
        auto_advance=False,
        next_payment_attempt=None,
        status_transitions={**invoice["status_transitions"], "voided_at": now},
    )
    _end(world, invoice, before)
    _settle_payment(world, invoice, now, paid=False)
    emit(world, "invoice.voided", invoice)
    return invoice


def mark_uncollectible(world: World, invoice: Document) -> Document:
    """Given up, though it may still be paid."""
    before, now = dict(invoice), now_of(world, invoice)
    invoice.update(
        status="uncollectible",
        auto_advance=False,
        next_payment_attempt=None,
        status_transitions={**invoice["status_transitions"], "marked_uncollectible_at": now},
    )
    _end(world, invoice, before)
    emit(world, "invoice.marked_uncollectible", invoice)
    return invoice


def _end(world: World, invoice: Document, before: Document) -> None:
    for act in ("finalize_invoice", "retry_invoice", "overdue_invoice"):
        timeline.forget(world, act, invoice)
    world.save(invoice)
    emit(world, "invoice.updated", invoice, before=before)


def _settle_payment(world: World, invoice: Document, now: int, *, paid: bool) -> Document | None:
    """The invoice's open payment is paid or canceled with it."""
    open_one = world.state.store.find(
        world.collection("invoice_payment"), invoice=invoice["id"], status="open"
    )
    if open_one is None:
        return None
    transitions = dict(open_one["status_transitions"])
    transitions["paid_at" if paid else "canceled_at"] = now
    open_one.update(
        status="paid" if paid else "canceled",
        amount_paid=open_one["amount_requested"] if paid else None,
        status_transitions=transitions,
    )
    return world.save(open_one)
