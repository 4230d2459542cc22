"""Subscriptions: the API."""

from typing import Any

from opside_sandbox.stripe.billing import changing, subscribing
from opside_sandbox.stripe.billing.listed import newest
from opside_sandbox.stripe.billing.prices import PRICE_DATA
from opside_sandbox.stripe.billing.subscription_shape import ENDED, items_of
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.fields import (
    Kind,
    boolean,
    clearable,
    integer,
    list_of,
    metadata,
    one_of,
    record,
    text,
    whole_number,
)
from opside_sandbox.stripe.listing import CREATED, PAGE, page_of
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World


def _known(world: World, ask: Ask) -> Document:
    return world.need("subscription", ask.path["subscription"])


def _create(world: World, ask: Ask) -> Document:
    return shown(world, subscribing.create(world, ask))


def _retrieve(world: World, ask: Ask) -> Document:
    return shown(world, _known(world, ask))


def _update(world: World, ask: Ask) -> Document:
    return shown(world, changing.update(world, ask, _known(world, ask)))


def _cancel(world: World, ask: Ask) -> Document:
    return shown(world, changing.cancel(world, ask, _known(world, ask)))


def _resume(world: World, ask: Ask) -> Document:
    return shown(world, changing.resume(world, ask, _known(world, ask)))


def _list(world: World, ask: Ask) -> Document:
    """Without a status, all that have not ended; those on test clocks by clock or customer."""
    status, clock, price = ask.get("status"), ask.get("test_clock"), ask.get("price")

    def keep(one: Document) -> bool:
        return (
            _has(one["status"], status)
            and ("customer" in ask.params or one["test_clock"] == clock)
            and (price is None or any(item["price"]["id"] == price for item in items_of(one)))
        )

    known = newest(world, "subscription", ask, "customer", "test_clock", "collection_method")
    return page_of(world, ask, known, url="/v1/subscriptions", keep=keep)


def _has(status: str, wanted: str | None) -> bool:
    if wanted is None:
        return status not in ENDED
    if wanted == "ended":
        return status in ENDED
    return wanted in {"all", status}


def _list_items(world: World, ask: Ask) -> Document:
    subscription = world.need(
        "subscription", ask.params["subscription"], param="subscription", in_path=False
    )
    return page_of(world, ask, items_of(subscription), url="/v1/subscription_items")


def _trial_end(value: Any, param: str) -> Any:  # noqa: ANN401
    """A time, or now."""
    return value if value == "now" else integer(value, param)


_ITEM: dict[str, Kind] = {
    "metadata": metadata,
    "price": text,
    "price_data": PRICE_DATA,
    "quantity": whole_number(0),
}
_METHOD = one_of("charge_automatically", "send_invoice")
_DETAILS = record(
    {
        "comment": clearable(text),
        "feedback": clearable(
            one_of(
                "customer_service", "low_quality", "missing_features", "other",
                "switched_service", "too_complex", "too_expensive", "unused",
            )
        ),
    }
)  # fmt: skip
_SETTINGS = record(
    {
        "payment_method_types": clearable(list_of(one_of("card"))),
        "save_default_payment_method": one_of("off", "on_subscription"),
    }
)
_TRIAL_SETTINGS = record(
    {
        "end_behavior": record(
            {"missing_payment_method": one_of("cancel", "create_invoice", "pause")},
            required=("missing_payment_method",),
        )
    },
    required=("end_behavior",),
)
_BEHAVIOR = one_of("allow_incomplete", "default_incomplete", "error_if_incomplete")
_PRORATION = one_of("always_invoice", "create_prorations", "none")
_COMMON: dict[str, Kind] = {
    "cancel_at_period_end": boolean,
    "collection_method": _METHOD,
    "days_until_due": whole_number(0),
    "default_payment_method": text,
    "metadata": metadata,
    "off_session": boolean,
    "payment_behavior": _BEHAVIOR,
    "payment_settings": _SETTINGS,
    "proration_behavior": _PRORATION,
    "trial_end": _trial_end,
    "trial_settings": _TRIAL_SETTINGS,
}
_PAUSE = record(
    {"behavior": one_of("keep_as_draft", "mark_uncollectible", "void"), "resumes_at": integer},
    required=("behavior",),
)
_ALL, _ONE = "/v1/subscriptions", "/v1/subscriptions/{subscription}"


def _operation(method: str, path: str, name: str, handler: Any, **more: Any) -> Operation:  # noqa: ANN401
    return Operation(method, path, f"subscriptions.{name}", handler, **more)


OPERATIONS = [
    _operation(
        "POST",
        _ALL,
        "create",
        _create,
        fields={
            **_COMMON,
            "billing_mode": record({"type": one_of("classic", "flexible")}, required=("type",)),
            "cancel_at": integer,
            "customer": text,
            "description": text,
            "items": list_of(record(_ITEM)),
            "trial_period_days": whole_number(1, 730),
        },
        required=("customer", "items"),
    ),
    _operation("GET", _ONE, "retrieve", _retrieve),
    _operation(
        "POST",
        _ONE,
        "update",
        _update,
        fields={
            **_COMMON,
            "billing_cycle_anchor": one_of("now", "unchanged"),
            "cancel_at": clearable(integer),
            "cancellation_details": _DETAILS,
            "description": clearable(text),
            "items": list_of(record({**_ITEM, "deleted": boolean, "id": text})),
            "pause_collection": clearable(_PAUSE),
            "proration_date": integer,
        },
    ),
    _operation(
        "DELETE",
        _ONE,
        "cancel",
        _cancel,
        fields={"cancellation_details": _DETAILS, "invoice_now": boolean, "prorate": boolean},
    ),
    _operation(
        "POST",
        _ONE + "/resume",
        "resume",
        _resume,
        fields={
            "billing_cycle_anchor": one_of("now", "unchanged"),
            "proration_behavior": _PRORATION,
        },
    ),
    _operation(
        "GET",
        _ALL,
        "list",
        _list,
        fields={
            **PAGE,
            **CREATED,
            "collection_method": _METHOD,
            "customer": text,
            "price": text,
            "status": one_of(
                "active", "all", "canceled", "ended", "incomplete", "incomplete_expired",
                "past_due", "paused", "trialing", "unpaid",
            ),
            "test_clock": text,
        },
    ),
    Operation(
        "GET",
        "/v1/subscription_items",
        "subscription_items.list",
        _list_items,
        fields={**PAGE, "subscription": text},
        required=("subscription",),
    ),
]  # fmt: skip
