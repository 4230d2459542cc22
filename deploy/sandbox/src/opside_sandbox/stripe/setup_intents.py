"""SetupIntents: a card is saved for later, off-session charges."""

from typing import Any

from opside_sandbox.stripe import intents
from opside_sandbox.stripe.errors import Document, invalid
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.fields import (
    Kind,
    boolean,
    clearable,
    list_of,
    metadata,
    one_of,
    record,
    text,
)
from opside_sandbox.stripe.listing import CREATED, PAGE, page
from opside_sandbox.stripe.payment_methods import DATA_FIELDS
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.setting_up import cancel, confirm
from opside_sandbox.stripe.world import Ask, World, merge_metadata, take

PRIVATE = ("application", "customer", "metadata", "on_behalf_of", "latest_attempt", "mandate")


def _create(world: World, ask: Ask) -> Document:
    intent = make(world, ask)
    if ask.get("confirm"):
        confirm(world, ask, intent)
    return shown(world, intent)


def make(world: World, ask: Ask, **private: str) -> Document:
    """An unconfirmed intent, and its event; Billing adds private names of its own."""
    automatic, types = intents.automatic_methods(ask)
    intent_id = world.new_id("setup_intent")
    if customer := ask.get("customer"):
        world.need("customer", customer, param="customer", in_path=False)
    intent: Document = {
        "id": intent_id,
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": automatic,
        "cancellation_reason": None,
        "client_secret": intents.client_secret(world, intent_id),
        "created": world.now(),
        "customer": customer,
        "customer_account": None,
        "description": ask.get("description"),
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": merge_metadata(None, ask.params),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {**intents.CARD_OPTIONS, "installments": None},
        },
        "payment_method_types": types,
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": ask.get("usage", "off_session"),
        **private,
    }
    intent["payment_method_options"]["card"].pop("installments")
    _take_method(world, ask, intent)
    world.save(intent)
    emit(world, "setup_intent.created", intent)
    return intent


def _take_method(world: World, ask: Ask, intent: Document) -> None:
    if not (ask.get("payment_method") or ask.get("payment_method_data")):
        return
    method = intents.chosen_method(world, ask, intent)
    if method is not None:
        intent["payment_method"] = method["id"]
        intent["status"] = "requires_confirmation"


def _retrieve(world: World, ask: Ask) -> Document:
    intent = world.need("setup_intent", ask.path["intent"], param="intent")
    intents.guard(ask, intent)
    return intents.answer(world, ask, intent, PRIVATE)


def _update(world: World, ask: Ask) -> Document:
    intent = world.need("setup_intent", ask.path["intent"], param="intent")
    if intent["status"] in {"succeeded", "canceled"} and set(ask.params) - {
        "metadata",
        "description",
    }:
        raise invalid(f"You cannot update this SetupIntent: it is {intent['status']}.")
    if customer := ask.get("customer"):
        world.need("customer", customer, param="customer", in_path=False)
    take(intent, ask.params, "customer", "description")
    intent["metadata"] = merge_metadata(intent["metadata"], ask.params)
    _take_method(world, ask, intent)
    return shown(world, world.save(intent))


def _confirm(world: World, ask: Ask) -> Document:
    intent = world.need("setup_intent", ask.path["intent"], param="intent")
    intents.guard(ask, intent)
    confirm(world, ask, intent)
    return intents.answer(world, ask, intent, PRIVATE)


def _cancel(world: World, ask: Ask) -> Document:
    intent = world.need("setup_intent", ask.path["intent"], param="intent")
    return shown(world, cancel(world, intent, ask.get("cancellation_reason")))


def _list(world: World, ask: Ask) -> Document:
    return page(world, ask, "setup_intent", url="/v1/setup_intents")


def _list_attempts(world: World, ask: Ask) -> Document:
    return page(world, ask, "setup_attempt", url="/v1/setup_attempts")


_METHOD: dict[str, Kind] = {
    "payment_method": text,
    "payment_method_data": record(DATA_FIELDS, required=("type",)),
}
_CONFIRMING: dict[str, Kind] = {**_METHOD, "return_url": text, "use_stripe_sdk": boolean}
_COMMON: dict[str, Kind] = {"customer": text, "description": clearable(text), "metadata": metadata}
_AUTOMATIC = record(
    {"enabled": boolean, "allow_redirects": one_of("always", "never")}, required=("enabled",)
)
_ONE = "/v1/setup_intents/{intent}"


def _operation(method: str, path: str, name: str, handler: Any, **more: Any) -> Operation:  # noqa: ANN401
    return Operation(method, path, f"setup_intents.{name}", handler, **more)


OPERATIONS = [
    _operation(
        "POST",
        "/v1/setup_intents",
        "create",
        _create,
        fields={
            **_COMMON,
            **_CONFIRMING,
            "automatic_payment_methods": _AUTOMATIC,
            "confirm": boolean,
            "payment_method_types": list_of(text),
            "usage": one_of("off_session", "on_session"),
        },
    ),
    _operation(
        "GET",
        "/v1/setup_intents",
        "list",
        _list,
        fields={**PAGE, **CREATED, "customer": text, "payment_method": text},
    ),
    _operation(
        "GET", _ONE, "retrieve", _retrieve, fields={"client_secret": text}, publishable=True
    ),
    _operation("POST", _ONE, "update", _update, fields={**_COMMON, **_METHOD}),
    _operation(
        "POST",
        _ONE + "/confirm",
        "confirm",
        _confirm,
        fields={**_CONFIRMING, "client_secret": text},
        publishable=True,
    ),
    _operation(
        "POST",
        _ONE + "/cancel",
        "cancel",
        _cancel,
        fields={"cancellation_reason": one_of("abandoned", "duplicate", "requested_by_customer")},
    ),
    Operation(
        "GET",
        "/v1/setup_attempts",
        "setup_attempts.list",
        _list_attempts,
        fields={**PAGE, **CREATED, "setup_intent": text},
        required=("setup_intent",),
    ),
]
