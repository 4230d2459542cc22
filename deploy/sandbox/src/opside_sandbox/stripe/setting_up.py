"""How a SetupIntent goes on: confirmed, authenticated, succeeded, failed, canceled."""

from opside_sandbox.stripe import cards, intents
from opside_sandbox.stripe.declines import card_error, details
from opside_sandbox.stripe.errors import Document, invalid, unexpected_state
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.payment_methods import attach_to, card_details, card_of
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.world import Ask, World

_OPEN = {"requires_payment_method", "requires_confirmation", "requires_action"}


def confirm(world: World, ask: Ask, intent: Document) -> Document:
    """Try the card. Raises a card error (effects kept) when the bank refuses it."""
    if intent["status"] not in _OPEN:
        raise _refused(world, intent, "confirm")
    intents.need_return_url(ask, intent)
    method = intents.chosen_method(world, ask, intent)
    if method is None:
        raise invalid(
            "You cannot confirm this SetupIntent because it's missing a payment method. You can "
            "either update the SetupIntent with a payment method and then confirm it again, or "
            "confirm it again directly with a payment method.",
            code="setup_intent_unexpected_state"
            if intent["status"] == "requires_action"
            else "parameter_missing",
            param="payment_method",
        )
    card = card_of(method)
    intent["payment_method"] = method["id"]
    if card.sca != "never":
        intent["status"] = "requires_action"
        intent["next_action"] = intents.next_action(ask, intent)
        _attempt(world, intent, method, "requires_action", None)
        emit(world, "setup_intent.requires_action", intent)
        return intent
    if not card.attaches and card.decline is not None:
        raise _fail(world, intent, method, card.decline)
    return _succeed(world, intent, method)


def authenticated(world: World, intent: Document, *, passed: bool) -> Document:
    """The customer came back from his bank."""
    if intent["status"] != "requires_action":
        raise _refused(world, intent, "authenticate")
    method = world.need("payment_method", intent["payment_method"])
    if passed:
        method["_set_up"] = True
        world.save(method)
        return _succeed(world, intent, method)
    _fail(world, intent, method, AUTHENTICATION_FAILED)
    return intent


AUTHENTICATION_FAILED = cards.Decline(
    "setup_intent_authentication_failure",
    "authentication_not_handled",
    "The latest attempt to set up the payment method has failed because authentication failed.",
)


def cancel(world: World, intent: Document, reason: str | None) -> Document:
    """Give up an open intent."""
    if intent["status"] not in _OPEN:
        raise _refused(world, intent, "cancel")
    intent.update(status="canceled", cancellation_reason=reason, next_action=None)
    world.save(intent)
    emit(world, "setup_intent.canceled", intent)
    return intent


def _succeed(world: World, intent: Document, method: Document) -> Document:
    if intent["customer"] is not None:
        method = attach_to(world, method, intent["customer"])
    method["_set_up"] = True
    world.save(method)
    intent.update(status="succeeded", next_action=None, last_setup_error=None)
    _attempt(world, intent, method, "succeeded", None)
    emit(world, "setup_intent.succeeded", intent)
    return intent


def _fail(world: World, intent: Document, method: Document, decline: cards.Decline) -> Exception:
    """Write the failure; answers the error to raise."""
    seen = shown(world, method)
    error = details(decline, charge=None, method=seen)
    if decline is AUTHENTICATION_FAILED:
        error["type"] = "invalid_request_error"
        error.pop("decline_code")
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        last_setup_error=error,
    )
    _attempt(world, intent, method, "failed", error)
    emit(world, "setup_intent.setup_failed", intent)
    return card_error(decline, method=seen, inside={"setup_intent": shown(world, intent)})


def _attempt(
    world: World, intent: Document, method: Document, status: str, error: Document | None
) -> None:
    """One row per try; the intent points at the latest."""
    card = card_details(world, card_of(method))
    attempt = {
        "id": world.new_id("setup_attempt"),
        "object": "setup_attempt",
        "application": None,
        "created": world.now(),
        "customer": intent["customer"],
        "customer_account": None,
        "flow_directions": None,
        "livemode": False,
        "on_behalf_of": None,
        "payment_method": method["id"],
        "payment_method_details": {
            "card": {
                **{
                    name: card[name]
                    for name in (
                        "brand",
                        "checks",
                        "country",
                        "exp_month",
                        "exp_year",
                        "fingerprint",
                        "funding",
                        "last4",
                    )
                },
                "network": card["brand"],
                "three_d_secure": None,
                "wallet": None,
            },
            "type": "card",
        },
        "setup_error": error,
        "setup_intent": intent["id"],
        "status": status,
        "usage": intent["usage"],
    }
    world.save(attempt)
    intent["latest_attempt"] = attempt["id"]
    world.save(intent)


def _refused(world: World, intent: Document, what: str) -> Exception:
    return unexpected_state(
        "setup_intent",
        f"You cannot {what} this SetupIntent because it has a status of {intent['status']}.",
        shown(world, intent),
    )
