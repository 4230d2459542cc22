"""Refunds of card charges. Stripe keeps its fee; a failed refund brings the money back."""

from typing import Any

from opside_sandbox.stripe import book, charges, disputing, jobs
from opside_sandbox.stripe.balance import record as record_balance
from opside_sandbox.stripe.errors import Document, StripeError, invalid
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.fields import boolean, metadata, one_of, text, whole_number
from opside_sandbox.stripe.listing import CREATED, PAGE, page
from opside_sandbox.stripe.payment_methods import card_of
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World, merge_metadata

_LATER_SECONDS = 1.0


def _create(world: World, ask: Ask) -> Document:
    charge = _charge_of(world, ask)
    if charge["payment_method"] is None:
        raise invalid(
            f"{charge['id']} is the payment of a transfer: the platform reverses the transfer.",
            param="charge",
        )
    if disputing.has_taken(world, charge):
        raise invalid(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            param="charge",
            code="charge_disputed",
        )
    amount = _amount(charge, ask.get("amount"))
    if ask.get("reverse_transfer"):
        raise invalid(
            f"Cannot reverse transfer on charge {charge['id']} because it does not have an "
            "associated transfer.",
            param="reverse_transfer",
        )
    if ask.get("refund_application_fee"):
        raise invalid(
            f"The charge {charge['id']} has no application fee to refund.",
            param="refund_application_fee",
        )
    refund = _build(world, ask, charge, amount)
    return shown(world, _perform(world, refund, charge))


def _charge_of(world: World, ask: Ask) -> Document:
    """The charge to refund, with its balance transaction. Raises for one that was not paid."""
    charge_id, intent_id = ask.get("charge"), ask.get("payment_intent")
    if (charge_id is None) == (intent_id is None):
        raise invalid(
            "One of the following params should be provided for this request: payment_intent or "
            "charge."
        )
    if intent_id is not None:
        intent = world.need("payment_intent", intent_id, param="payment_intent", in_path=False)
        charge_id = intent["latest_charge"]
        if charge_id is None or intent["status"] != "succeeded":
            raise invalid(
                f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.",
                param="payment_intent",
                code="payment_intent_unexpected_state",
            )
    charge = world.need("charge", str(charge_id), param="charge", in_path=False)
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise invalid(f"Charge {charge_id} was not paid and cannot be refunded.", param="charge")
    return charges.settle(world, charge["id"])


def _amount(charge: Document, wanted: int | None) -> int:
    """What to give back. Raises when nothing, or less than asked, is left."""
    left = charge["amount"] - charge["amount_refunded"]
    if left <= 0:
        raise StripeError(
            400,
            f"Charge {charge['id']} has already been refunded.",
            code="charge_already_refunded",
        )
    if wanted is None:
        return int(left)
    if wanted > left:
        raise invalid(
            f"Refund amount ({wanted}) is greater than unrefunded amount on charge ({left})",
            param="amount",
        )
    return wanted


def _build(world: World, ask: Ask, charge: Document, amount_minor: int) -> Document:
    return {
        "id": world.new_id("refund"),
        "object": "refund",
        "amount": amount_minor,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": world.now(),
        "currency": charge["currency"],
        "destination_details": {
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": merge_metadata(None, ask.params),
        "payment_intent": charge["payment_intent"],
        "reason": ask.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def _perform(world: World, refund: Document, charge: Document) -> Document:
    """Move the money, then tell. Some test cards change their mind a moment later."""
    how = card_of(world.need("payment_method", charge["payment_method"])).refund
    if how == "pending":
        refund["status"], refund["pending_reason"] = "pending", "processing"
        jobs.later(world, "finish_refund", refund["id"], seconds=_LATER_SECONDS)
    elif how == "fails":
        jobs.later(world, "fail_refund", refund["id"], seconds=_LATER_SECONDS)
    transaction = record_balance(world, "refund", -refund["amount"], source=refund)
    refund["balance_transaction"] = transaction["id"]
    world.save(refund)
    _move(world, "refund", refund, refund["amount"])
    before = dict(charge)
    charge["amount_refunded"] += refund["amount"]
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    world.save(charge)
    emit(world, "refund.created", refund)
    emit(world, "charge.refunded", charge, before=before)
    disputing.refunded(world, charge)
    return refund


def _move(world: World, kind: str, refund: Document, amount_minor: int) -> None:
    book.post(
        world,
        kind,
        reference=refund["id"],
        currency=refund["currency"],
        moves={book.balance_of(world): -amount_minor, book.CUSTOMERS: amount_minor},
    )


def finish(world: World, refund_id: str) -> None:
    """A pending refund arrives."""
    refund = world.need("refund", refund_id)
    before = dict(refund)
    refund["status"] = "succeeded"
    refund.pop("pending_reason", None)
    world.save(refund)
    _tell_update(world, refund, before)


def fail(world: World, refund_id: str) -> None:
    """The bank sends the money back: it is the platform's again."""
    refund = world.need("refund", refund_id)
    before = dict(refund)
    transaction = record_balance(world, "refund_failure", refund["amount"], source=refund)
    refund.update(
        status="failed",
        failure_reason="expired_or_canceled_card",
        failure_balance_transaction=transaction["id"],
    )
    world.save(refund)
    _move(world, "refund_failure", refund, -refund["amount"])
    charge = world.need("charge", refund["charge"])
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    world.save(charge)
    _tell_update(world, refund, before)
    emit(world, "refund.failed", refund)


def _tell_update(world: World, refund: Document, before: Document) -> None:
    for event_type in ("refund.updated", "charge.refund.updated"):
        emit(world, event_type, refund, before=before)


def _retrieve(world: World, ask: Ask) -> Document:
    return shown(world, world.need("refund", ask.path["refund"], param="refund"))


def _update(world: World, ask: Ask) -> Document:
    refund = world.need("refund", ask.path["refund"], param="refund")
    before = dict(refund)
    refund["metadata"] = merge_metadata(refund["metadata"], ask.params)
    world.save(refund)
    if refund != before:
        _tell_update(world, refund, before)
    return shown(world, refund)


def _cancel(world: World, ask: Ask) -> Document:
    """Only refunds that wait for the customer can be canceled; those of cards never do."""
    refund = world.need("refund", ask.path["refund"], param="refund")
    raise invalid(
        f"This refund's status is {refund['status']}: only refunds that require action can be "
        "canceled."
    )


def _list(world: World, ask: Ask) -> Document:
    return page(world, ask, "refund", url="/v1/refunds")


def _operation(method: str, path: str, name: str, handler: Any, **more: Any) -> Operation:  # noqa: ANN401
    return Operation(method, path, f"refunds.{name}", handler, **more)


OPERATIONS = [
    _operation(
        "POST",
        "/v1/refunds",
        "create",
        _create,
        fields={
            "amount": whole_number(1),
            "charge": text,
            "metadata": metadata,
            "payment_intent": text,
            "reason": one_of("duplicate", "fraudulent", "requested_by_customer"),
            "refund_application_fee": boolean,
            "reverse_transfer": boolean,
        },
    ),
    _operation("GET", "/v1/refunds/{refund}", "retrieve", _retrieve),
    _operation("POST", "/v1/refunds/{refund}", "update", _update, fields={"metadata": metadata}),
    _operation("POST", "/v1/refunds/{refund}/cancel", "cancel", _cancel),
    _operation(
        "GET",
        "/v1/refunds",
        "list",
        _list,
        fields={**PAGE, **CREATED, "charge": text, "payment_intent": text},
    ),
]
