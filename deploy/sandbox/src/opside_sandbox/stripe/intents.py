"""What SetupIntents and PaymentIntents share: client secrets, authentication, browser views."""

import hmac
from collections.abc import Iterable
from urllib.parse import quote

from opside_sandbox.stripe import payment_methods
from opside_sandbox.stripe.errors import Document, invalid, malformed
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.world import Ask, World


def client_secret(world: World, intent_id: str) -> str:
    """A secret that names its intent, as Stripe's do."""
    return f"{intent_id}_secret_{world.state.token('client_secret', 24)}"


def guard(ask: Ask, intent: Document) -> None:
    """A publishable key must bring the intent's client secret; a given secret must be right."""
    given = ask.get("client_secret")
    if given is None:
        if ask.publishable:
            raise malformed(
                "Missing required param: client_secret.",
                param="client_secret",
                code="parameter_missing",
            )
        return
    if not hmac.compare_digest(given.encode(), intent["client_secret"].encode()):
        raise invalid(
            "The client_secret provided does not match the client_secret associated with the "
            f"{intent['object']}.",
            param="client_secret",
            code=f"{intent['object']}_invalid_parameter",
        )


def answer(world: World, ask: Ask, intent: Document, private: Iterable[str]) -> Document:
    """The intent; a browser does not see the private fields."""
    whole = shown(world, intent)
    if ask.publishable:
        for name in private:
            whole.pop(name, None)
    return whole


def chosen_method(world: World, ask: Ask, intent: Document) -> Document | None:
    """The payment method that this request brings, or the one the intent has."""
    method: Document | None = None
    if data := ask.get("payment_method_data"):
        method = payment_methods.from_data(world, data, publishable=ask.publishable)
    elif source := ask.get("payment_method") or intent["payment_method"]:
        method = payment_methods.resolve(world, source)
    if method is not None:
        check_owner(method, intent["customer"])
    return method


def check_owner(method: Document, customer_id: str | None) -> None:
    """A customer's card can only be used for this customer; a spent one not at all."""
    owner = method["customer"]
    if owner is not None and customer_id is None:
        raise invalid(
            f"The provided PaymentMethod ({method['id']}) belongs to a Customer. Please include "
            "the Customer in the `customer` parameter.",
            param="payment_method",
        )
    if owner is not None and owner != customer_id:
        raise invalid(
            f"The customer does not have a payment method with the ID {method['id']}. The "
            "payment method must be attached to the customer.",
            param="payment_method",
            code="resource_missing",
        )
    if owner is None and method["_spent"]:
        raise invalid(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer "
            "attachment or was detached from a Customer. It may not be used again.",
            param="payment_method",
        )


def next_action(ask: Ask, intent: Document) -> Document:
    """Where the customer proves that he is himself."""
    page = (
        f"{ask.base_url}/sandbox/authenticate/{intent['id']}"
        f"?client_secret={quote(intent['client_secret'])}"
    )
    if return_url := ask.get("return_url"):
        return {
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": return_url, "url": page},
        }
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": page},
    }


def automatic_methods(ask: Ask) -> tuple[Document | None, list[str]]:
    """`automatic_payment_methods` and `payment_method_types` of a new intent."""
    types, automatic = ask.get("payment_method_types"), ask.get("automatic_payment_methods")
    if types and automatic and automatic.get("enabled"):
        raise invalid(
            "You may only specify one of these parameters: automatic_payment_methods, "
            "payment_method_types.",
            param="payment_method_types",
        )
    if types:
        if set(types) - {"card", "link"}:
            raise invalid(
                "The sandbox knows the payment method type card.", param="payment_method_types"
            )
        return None, types
    if automatic is not None and not automatic["enabled"]:
        return None, ["card"]
    redirects = (automatic or {}).get("allow_redirects", "always")
    return {"allow_redirects": redirects, "enabled": True}, ["card"]


def need_return_url(ask: Ask, intent: Document) -> None:
    """A server that confirms must say where redirecting payment methods come back."""
    automatic = intent["automatic_payment_methods"]
    if ask.publishable or ask.get("return_url") or automatic is None:
        return
    if automatic["allow_redirects"] == "always":
        raise invalid(
            "This "
            + ("PaymentIntent" if intent["object"] == "payment_intent" else "SetupIntent")
            + " is configured to accept payment methods enabled in your Dashboard. Because some "
            "of these payment methods might redirect your customer off of your page, you must "
            "provide a `return_url`. If you don't want to accept redirect-based payment methods "
            "and don't want to provide a `return_url`, set `automatic_payment_methods[enabled]` "
            "to `true` and `automatic_payment_methods[allow_redirects]` to `never` when creating "
            "Setup Intents and Payment Intents."
        )


CARD_OPTIONS = {
    "installments": None,
    "mandate_options": None,
    "network": None,
    "request_three_d_secure": "automatic",
}
