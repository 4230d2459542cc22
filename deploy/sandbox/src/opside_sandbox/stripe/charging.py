"""How a PaymentIntent goes on: confirmed, authenticated, charged, declined, captured, canceled."""

from dataclasses import dataclass

from opside_sandbox.stripe import cards, charges, intents, jobs
from opside_sandbox.stripe.declines import card_error, details
from opside_sandbox.stripe.errors import Document, StripeError, invalid, unexpected_state
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.payment_methods import attach_to, card_of
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.world import Ask, World

_CONFIRMABLE = {"requires_payment_method", "requires_confirmation", "requires_action"}
_CANCELABLE = {*_CONFIRMABLE, "requires_capture", "processing"}
_SETTLE_SECONDS = 0.5
AUTHENTICATION_FAILED = cards.Decline(
    "payment_intent_authentication_failure",
    "authentication_not_handled",
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data "
    "or a new PaymentMethod to attempt to fulfill this PaymentIntent again.",
)


@dataclass(frozen=True, slots=True)
class _Try:
    """One attempt to pay an intent with a card."""

    world: World
    intent: Document
    method: Document


def confirm(world: World, ask: Ask, intent: Document) -> Document:
    """Charge the card, or ask for authentication. Raises a card error (effects kept)."""
    if intent["status"] not in _CONFIRMABLE:
        raise _refused(world, intent, "confirm")
    intents.need_return_url(ask, intent)
    method = intents.chosen_method(world, ask, intent)
    if method is None:
        raise unexpected_state(
            "payment_intent",
            "You cannot confirm this PaymentIntent because it's missing a payment method. You "
            "can either update the PaymentIntent with a payment method and then confirm it "
            "again, or confirm it again directly with a payment method or ConfirmationToken.",
            shown(world, intent),
        )
    off_session = ask.get("off_session", False) is not False
    if ask.get("setup_future_usage"):
        intent["setup_future_usage"] = ask.get("setup_future_usage")
    intent.update(payment_method=method["id"], next_action=None)
    world.save(intent)
    attempt = _Try(world, intent, method)
    if _needs_authentication(card_of(method), method, off_session=off_session):
        if off_session or ask.get("error_on_requires_action"):
            raise _decline(attempt, cards.AUTHENTICATION_REQUIRED)
        intent.update(status="requires_action", next_action=intents.next_action(ask, intent))
        world.save(intent)
        emit(world, "payment_intent.requires_action", intent)
        return intent
    return _charge(attempt)


def _needs_authentication(card: cards.TestCard, method: Document, *, off_session: bool) -> bool:
    if card.sca == "never":
        return False
    if not off_session or card.sca == "always":
        return True
    return card.sca == "unless_set_up" and not method["_set_up"]


def authenticated(world: World, intent: Document, *, passed: bool) -> Document:
    """The customer came back from his bank. Raises a card error when the charge then fails."""
    if intent["status"] != "requires_action":
        raise _refused(world, intent, "authenticate")
    attempt = _Try(world, intent, world.need("payment_method", intent["payment_method"]))
    if passed:
        return _charge(attempt)
    _decline(attempt, AUTHENTICATION_FAILED, with_charge=False)
    return intent


def _charge(attempt: _Try) -> Document:
    world, intent, method = attempt.world, attempt.intent, attempt.method
    decline = card_of(method).decline
    if decline is not None:
        raise _decline(attempt, decline)
    charge = charges.build(world, intent, method, None)
    if method["customer"] is None:
        if intent["customer"] and intent["setup_future_usage"]:
            method = attach_to(world, method, intent["customer"])
            method["_set_up"] = intent["setup_future_usage"] == "off_session"
        else:
            method["_spent"] = True
        world.save(method)
    intent.update(latest_charge=charge["id"], last_payment_error=None, next_action=None)
    world.save(charge)
    if intent["capture_method"] == "manual":
        jobs.later(world, "expire_authorization", intent["id"], seconds=charges.HELD_SECONDS)
        intent.update(status="requires_capture", amount_capturable=intent["amount"])
        world.save(intent)
        emit(world, "charge.succeeded", charge)
        emit(world, "payment_intent.amount_capturable_updated", intent)
        return intent
    charges.collect(world, charge)
    if intent["capture_method"] == "automatic":
        charges.give_balance_transaction(world, charge)
    else:
        jobs.later(world, "settle_charge", charge["id"], seconds=_SETTLE_SECONDS)
    emit(world, "charge.succeeded", charge)
    return _succeed(world, intent, charge["amount_captured"])


def _succeed(world: World, intent: Document, received_minor: int) -> Document:
    intent.update(status="succeeded", amount_received=received_minor, amount_capturable=0)
    world.save(intent)
    emit(world, "payment_intent.succeeded", intent)
    return intent


def _decline(attempt: _Try, decline: cards.Decline, *, with_charge: bool = True) -> StripeError:
    """Write the failed charge and the intent's new state; answers the error to raise."""
    world, intent, method = attempt.world, attempt.intent, attempt.method
    charge_id = None
    if with_charge:
        charge = world.save(charges.build(world, intent, method, decline))
        charge_id = intent["latest_charge"] = charge["id"]
        emit(world, "charge.failed", charge)
    seen = shown(world, method)
    error = details(decline, charge=charge_id, method=seen)
    if decline is AUTHENTICATION_FAILED:
        error["type"] = "invalid_request_error"
        error.pop("decline_code")
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        last_payment_error=error,
    )
    world.save(intent)
    emit(world, "payment_intent.payment_failed", intent)
    inside = {"payment_intent": shown(world, intent)}
    return card_error(decline, charge=charge_id, method=seen, inside=inside)


def capture(world: World, intent: Document, amount_minor: int | None) -> Document:
    """Take authorized money, or a part of it; the rest is released."""
    if intent["status"] != "requires_capture":
        raise _refused(world, intent, "capture")
    taken = intent["amount_capturable"] if amount_minor is None else amount_minor
    if taken > intent["amount_capturable"]:
        raise invalid(
            "The amount to capture is more than the capturable amount.",
            param="amount_to_capture",
            code="amount_too_large",
        )
    charge = world.need("charge", intent["latest_charge"])
    charge.update(captured=True, amount_captured=taken)
    charge["amount_refunded"] = charge["amount"] - taken
    world.save(charge)
    charges.collect(world, charge)
    charges.give_balance_transaction(world, charge)
    emit(world, "charge.captured", charge)
    return _succeed(world, intent, taken)


def cancel(world: World, intent: Document, reason: str | None) -> Document:
    """Give up an unpaid intent; authorized money is released."""
    if intent["status"] not in _CANCELABLE:
        raise _refused(world, intent, "cancel")
    if intent["status"] == "requires_capture":
        _release(world, intent, "charge.refunded")
    return _give_up(world, intent, reason)


def expire(world: World, intent_id: str) -> None:
    """Authorized money that nobody has captured in time is released."""
    intent = world.need("payment_intent", intent_id)
    if intent["status"] == "requires_capture":
        _release(world, intent, "charge.expired")
        _give_up(world, intent, "automatic")


def _release(world: World, intent: Document, event_type: str) -> None:
    charge = world.need("charge", intent["latest_charge"])
    charge.update(amount_refunded=charge["amount"], refunded=True)
    world.save(charge)
    emit(world, event_type, charge)


def _give_up(world: World, intent: Document, reason: str | None) -> Document:
    intent.update(
        status="canceled",
        canceled_at=world.now(),
        cancellation_reason=reason,
        amount_capturable=0,
        next_action=None,
    )
    world.save(intent)
    emit(world, "payment_intent.canceled", intent)
    return intent


def _refused(world: World, intent: Document, what: str) -> StripeError:
    status = intent["status"]
    why = f"because it has a status of {status}"
    if what == "confirm" and status == "succeeded":
        why = "because it has already succeeded after being previously confirmed"
    return unexpected_state(
        "payment_intent",
        f"You cannot {what} this PaymentIntent {why}.",
        shown(world, intent),
    )
