"""PaymentIntents: the API; what happens to them is in charging.py."""

from typing import Any

from opside_sandbox.stripe import charging, intents
from opside_sandbox.stripe.errors import Document, invalid
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.fields import (
    ADDRESS,
    Kind,
    boolean,
    clearable,
    currency,
    list_of,
    metadata,
    one_of,
    record,
    text,
    whole_number,
)
from opside_sandbox.stripe.listing import CREATED, PAGE, page
from opside_sandbox.stripe.payment_methods import DATA_FIELDS
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World, merge_metadata, take

PRIVATE = (
    "application", "application_fee_amount", "customer", "latest_charge", "metadata",
    "on_behalf_of", "review", "statement_descriptor", "statement_descriptor_suffix",
    "transfer_data", "transfer_group", "amount_received", "amount_capturable",
)  # fmt: skip
_SMALLEST_MINOR = {"usd": 50, "eur": 50, "cad": 50, "aud": 50, "gbp": 30, "jpy": 50}
_UPDATABLE = {"requires_payment_method", "requires_confirmation", "requires_action"}


def _check_amount(amount_minor: int, code: str) -> None:
    smallest = _SMALLEST_MINOR.get(code, 1)
    if amount_minor < smallest:
        raise invalid(
            f"Amount must be at least {smallest} of the smallest unit of {code}",
            param="amount",
            code="amount_too_small",
        )
    if amount_minor > 99_999_999:
        raise invalid(
            f"Amount must be no more than 99999999 of the smallest unit of {code}",
            param="amount",
            code="amount_too_large",
        )


def _create(world: World, ask: Ask) -> Document:
    _check_amount(ask.params["amount"], ask.params["currency"])
    if not ask.get("confirm"):
        for name in ("off_session", "error_on_requires_action", "return_url"):
            if name in ask.params:
                raise invalid(
                    f"The parameter `{name}` cannot be passed when creating a PaymentIntent "
                    "unless `confirm` is set to true.",
                    param=name,
                )
    intent = make(world, ask)
    if ask.get("confirm"):
        charging.confirm(world, ask, intent)
    return shown(world, intent)


def make(world: World, ask: Ask, **private: str) -> Document:
    """An unconfirmed intent, and its event; Billing adds private names of its own."""
    if customer := ask.get("customer"):
        world.need("customer", customer, param="customer", in_path=False)
    intent = {**_build(world, ask), **private}
    _take_method(world, ask, intent)
    world.save(intent)
    emit(world, "payment_intent.created", intent)
    return intent


def _build(world: World, ask: Ask) -> Document:
    automatic, types = intents.automatic_methods(ask)
    intent_id = world.new_id("payment_intent")
    return {
        "id": intent_id,
        "object": "payment_intent",
        "amount": ask.params["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": automatic,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": ask.get("capture_method", "automatic_async"),
        "client_secret": intents.client_secret(world, intent_id),
        "confirmation_method": ask.get("confirmation_method", "automatic"),
        "created": world.now(),
        "currency": ask.params["currency"],
        "customer": ask.get("customer"),
        "customer_account": None,
        "description": ask.get("description"),
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "managed_payments": None,
        "metadata": merge_metadata(None, ask.params),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": dict(intents.CARD_OPTIONS)},
        "payment_method_types": types,
        "processing": None,
        "receipt_email": ask.get("receipt_email"),
        "review": None,
        "setup_future_usage": ask.get("setup_future_usage"),
        "shipping": ask.get("shipping"),
        "statement_descriptor": ask.get("statement_descriptor"),
        "statement_descriptor_suffix": ask.get("statement_descriptor_suffix"),
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": ask.get("transfer_group"),
    }


def _take_method(world: World, ask: Ask, intent: Document) -> None:
    if not (ask.get("payment_method") or ask.get("payment_method_data")):
        return
    method = intents.chosen_method(world, ask, intent)
    if method is not None:
        intent.update(payment_method=method["id"], status="requires_confirmation", next_action=None)


def _known(world: World, ask: Ask) -> Document:
    intent = world.need("payment_intent", ask.path["intent"], param="intent")
    intents.guard(ask, intent)
    return intent


def _retrieve(world: World, ask: Ask) -> Document:
    return intents.answer(world, ask, _known(world, ask), PRIVATE)


def _update(world: World, ask: Ask) -> Document:
    intent = _known(world, ask)
    money = {"amount", "currency", "payment_method", "payment_method_data", "customer"}
    if intent["status"] not in _UPDATABLE and money & set(ask.params):
        raise invalid(
            "This PaymentIntent's amount, currency, customer or payment method could not be "
            f"updated because it has a status of {intent['status']}.",
            code="payment_intent_unexpected_state",
        )
    if customer := ask.get("customer"):
        world.need("customer", customer, param="customer", in_path=False)
    take(intent, ask.params, *_PLAIN, "amount", "currency", "customer", "shipping")
    _check_amount(intent["amount"], intent["currency"])
    intent["metadata"] = merge_metadata(intent["metadata"], ask.params)
    _take_method(world, ask, intent)
    return shown(world, world.save(intent))


def _confirm(world: World, ask: Ask) -> Document:
    intent = _known(world, ask)
    charging.confirm(world, ask, intent)
    return intents.answer(world, ask, intent, PRIVATE)


def _capture(world: World, ask: Ask) -> Document:
    intent = _known(world, ask)
    take(intent, ask.params, "statement_descriptor", "statement_descriptor_suffix")
    intent["metadata"] = merge_metadata(intent["metadata"], ask.params)
    intent = charging.capture(world, intent, ask.get("amount_to_capture"))
    return shown(world, intent)


def _cancel(world: World, ask: Ask) -> Document:
    intent = charging.cancel(world, _known(world, ask), ask.get("cancellation_reason"))
    return shown(world, intent)


def _list(world: World, ask: Ask) -> Document:
    return page(world, ask, "payment_intent", url="/v1/payment_intents")


def _off_session(value: Any, param: str) -> Any:  # noqa: ANN401
    """true, false, or Stripe's words for why."""
    if value in {"one_off", "recurring"}:
        return value
    return boolean(value, param)


_PLAIN = (
    "description", "receipt_email", "setup_future_usage", "statement_descriptor",
    "statement_descriptor_suffix", "transfer_group",
)  # fmt: skip
_METHOD: dict[str, Kind] = {
    "payment_method": text,
    "payment_method_data": record(DATA_FIELDS, required=("type",)),
}
_CONFIRMING: dict[str, Kind] = {
    **_METHOD,
    "error_on_requires_action": boolean,
    "off_session": _off_session,
    "return_url": text,
    "use_stripe_sdk": boolean,
}
_COMMON: dict[str, Kind] = {
    **dict.fromkeys(_PLAIN, clearable(text)),
    "amount": whole_number(1),
    "currency": currency,
    "customer": text,
    "metadata": metadata,
    "setup_future_usage": clearable(one_of("off_session", "on_session")),
    "shipping": clearable(record({"address": ADDRESS, "name": text, "phone": clearable(text)})),
}
_AUTOMATIC = record(
    {"enabled": boolean, "allow_redirects": one_of("always", "never")}, required=("enabled",)
)
_CREATING: dict[str, Kind] = {
    **_COMMON,
    **_CONFIRMING,
    "automatic_payment_methods": _AUTOMATIC,
    "capture_method": one_of("automatic", "automatic_async", "manual"),
    "confirm": boolean,
    "confirmation_method": one_of("automatic", "manual"),
    "payment_method_types": list_of(text),
}
_REASON = one_of("abandoned", "duplicate", "fraudulent", "requested_by_customer")
_ALL, _ONE = "/v1/payment_intents", "/v1/payment_intents/{intent}"


def _operation(method: str, path: str, name: str, handler: Any, **more: Any) -> Operation:  # noqa: ANN401
    return Operation(method, path, f"payment_intents.{name}", handler, **more)


OPERATIONS = [
    _operation("POST", _ALL, "create", _create, fields=_CREATING, required=("amount", "currency")),
    _operation("GET", _ALL, "list", _list, fields={**PAGE, **CREATED, "customer": text}),
    _operation(
        "GET", _ONE, "retrieve", _retrieve, fields={"client_secret": text}, publishable=True
    ),
    _operation("POST", _ONE, "update", _update, fields={**_COMMON, **_METHOD}),
    _operation(
        "POST",
        _ONE + "/confirm",
        "confirm",
        _confirm,
        fields={
            **_CONFIRMING,
            "client_secret": text,
            "setup_future_usage": one_of("off_session", "on_session"),
        },
        publishable=True,
    ),
    _operation(
        "POST",
        _ONE + "/capture",
        "capture",
        _capture,
        fields={
            "amount_to_capture": whole_number(1),
            "metadata": metadata,
            "statement_descriptor": text,
            "statement_descriptor_suffix": text,
        },
    ),
    _operation(
        "POST", _ONE + "/cancel", "cancel", _cancel, fields={"cancellation_reason": _REASON}
    ),
]
