"""Checkout Sessions: the API."""

from typing import Any

from opside_sandbox.stripe import jobs
from opside_sandbox.stripe.billing import checking_out, checkout_shape
from opside_sandbox.stripe.billing.checking_out import KIND
from opside_sandbox.stripe.billing.prices import PRICE_DATA
from opside_sandbox.stripe.errors import Document, invalid
from opside_sandbox.stripe.fields import (
    Kind,
    currency,
    integer,
    list_of,
    metadata,
    one_of,
    record,
    text,
    whole_number,
)
from opside_sandbox.stripe.listing import CREATED, PAGE, page, page_of
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World, merge_metadata

_SHORTEST, _LONGEST = 30 * 60, 24 * 3600


def _create(world: World, ask: Ask) -> Document:
    _check(world, ask)
    session = world.save(checkout_shape.new(world, ask))
    seconds = session["expires_at"] - world.state.clock.now().timestamp()
    jobs.later(world, checking_out.EXPIRE, session["id"], seconds=seconds)
    return shown(world, session)


def _check(world: World, ask: Ask) -> None:
    if customer := ask.get("customer"):
        world.need("customer", customer, param="customer", in_path=False)
        if ask.get("customer_email"):
            raise invalid(
                "You may only specify one of these parameters: customer, customer_email.",
                param="customer_email",
            )
    back = "return_url" if ask.get("ui_mode") == "embedded_page" else "success_url"
    if not ask.get(back):
        raise invalid(f"Missing required param: {back}.", param=back, code="parameter_missing")
    if ask.params["mode"] == "setup" and not ask.get("currency"):
        raise invalid(
            "`currency` is required in `setup` mode when `payment_method_types` is not given.",
            param="currency",
            code="parameter_missing",
        )
    for name in ("payment_intent_data", "setup_intent_data", "subscription_data"):
        mode = name.partition("_")[0]
        if name in ask.params and ask.params["mode"] != mode:
            raise invalid(f"You can only use `{name}` in `{mode}` mode.", param=name)
    if (ends := ask.get("expires_at")) is not None:
        left = ends - world.now()
        if not _SHORTEST <= left <= _LONGEST:
            raise invalid(
                "The `expires_at` timestamp must be between 30 minutes and 24 hours from "
                "Checkout Session creation.",
                param="expires_at",
            )


def _known(world: World, ask: Ask) -> Document:
    return world.need(KIND, ask.path["session"], param="session")


def _retrieve(world: World, ask: Ask) -> Document:
    return shown(world, _known(world, ask))


def _update(world: World, ask: Ask) -> Document:
    session = _known(world, ask)
    session["metadata"] = merge_metadata(session["metadata"], ask.params)
    return shown(world, world.save(session))


def _expire(world: World, ask: Ask) -> Document:
    session = _known(world, ask)
    if session["status"] != "open":
        raise invalid(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
            f"Session has a status of `{session['status']}`."
        )
    return shown(world, checking_out.expire(world, session["id"]) or session)


def _list(world: World, ask: Ask) -> Document:
    return page(world, ask, KIND, url="/v1/checkout/sessions")


def _list_items(world: World, ask: Ask) -> Document:
    session = _known(world, ask)
    url = f"/v1/checkout/sessions/{session['id']}/line_items"
    return page_of(world, ask, session["_items"], url=url)


_TRIAL_SETTINGS = record(
    {
        "end_behavior": record(
            {"missing_payment_method": one_of("cancel", "create_invoice", "pause")}
        )
    }
)
_FIELDS: dict[str, Kind] = {
    "billing_address_collection": one_of("auto", "required"),
    "cancel_url": text,
    "client_reference_id": text,
    "currency": currency,
    "customer": text,
    "customer_creation": one_of("always", "if_required"),
    "customer_email": text,
    "expires_at": integer,
    "line_items": list_of(
        record(
            {
                "metadata": metadata,
                "price": text,
                "price_data": PRICE_DATA,
                "quantity": whole_number(1),
            }
        )
    ),
    "locale": text,
    "metadata": metadata,
    "mode": one_of("payment", "setup", "subscription"),
    "payment_intent_data": record(
        {
            "description": text,
            "metadata": metadata,
            "receipt_email": text,
            "setup_future_usage": one_of("off_session", "on_session"),
            "statement_descriptor": text,
            "statement_descriptor_suffix": text,
            "transfer_group": text,
        }
    ),
    "payment_method_types": list_of(one_of("card")),
    "return_url": text,
    "setup_intent_data": record({"description": text, "metadata": metadata}),
    "submit_type": one_of("auto", "book", "donate", "pay", "subscribe"),
    "subscription_data": record(
        {
            "description": text,
            "metadata": metadata,
            "trial_end": integer,
            "trial_period_days": whole_number(1, 730),
            "trial_settings": _TRIAL_SETTINGS,
        }
    ),
    "success_url": text,
    "ui_mode": one_of("hosted_page", "embedded_page"),
}
_ALL, _ONE = "/v1/checkout/sessions", "/v1/checkout/sessions/{session}"


def _operation(method: str, path: str, name: str, handler: Any, **more: Any) -> Operation:  # noqa: ANN401
    return Operation(method, path, f"checkout.sessions.{name}", handler, **more)


OPERATIONS = [
    _operation("POST", _ALL, "create", _create, fields=_FIELDS, required=("mode",)),
    _operation("GET", _ONE, "retrieve", _retrieve),
    _operation("POST", _ONE, "update", _update, fields={"metadata": metadata}),
    _operation("POST", _ONE + "/expire", "expire", _expire),
    _operation("GET", _ONE + "/line_items", "line_items.list", _list_items, fields=PAGE),
    _operation(
        "GET",
        _ALL,
        "list",
        _list,
        fields={
            **PAGE,
            **CREATED,
            "customer": text,
            "payment_intent": text,
            "status": one_of("complete", "expired", "open"),
            "subscription": text,
        },
    ),
]
