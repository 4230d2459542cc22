"""Portal configurations: what customers may do for themselves."""

from opside_sandbox.stripe.errors import Document
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
from opside_sandbox.stripe.listing import PAGE, page
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World, merge_metadata, take

KIND = "billing_portal.configuration"
_REASONS = (
    "customer_service", "low_quality", "missing_features", "other", "switched_service",
    "too_complex", "too_expensive", "unused",
)  # fmt: skip
_OFF: Document = {
    "customer_update": {"allowed_updates": [], "enabled": False},
    "invoice_history": {"enabled": False},
    "payment_method_update": {"enabled": False, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "options": []},
        "enabled": False,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_update": {
        "billing_cycle_anchor": None,
        "default_allowed_updates": [],
        "enabled": False,
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}
_DASHBOARD: Document = {
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {"enabled": True},
}


def default(world: World) -> Document:
    """What is saved in the Dashboard: invoices, card, cancellation at the end of the period.

    A real account has none until somebody saves it there; the sandbox has no Dashboard.
    """
    known = world.state.store.find(world.collection(KIND), is_default=True)
    return known or _make(world, {"features": _DASHBOARD}, is_default=True)


def _make(world: World, given: Document, *, is_default: bool) -> Document:
    now = world.now()
    return world.save(
        {
            "id": world.new_id(KIND),
            "object": KIND,
            "active": True,
            "application": None,
            "business_profile": _profile(given.get("business_profile")),
            "created": now,
            "default_return_url": given.get("default_return_url"),
            "features": _features(_OFF, given["features"]),
            "is_default": is_default,
            "livemode": False,
            "login_page": {"enabled": False, "url": None},
            "metadata": merge_metadata(None, given),
            "name": given.get("name"),
            "updated": now,
        }
    )


def _profile(given: Document | None) -> Document:
    empty = dict.fromkeys(("headline", "privacy_policy_url", "terms_of_service_url"))
    return {**empty, **(given or {})}


def _features(known: Document, given: Document) -> Document:
    return {name: {**known[name], **given.get(name, {})} for name in known}


def _create(world: World, ask: Ask) -> Document:
    return shown(world, _make(world, ask.params, is_default=False))


def _known(world: World, ask: Ask) -> Document:
    return world.need(KIND, ask.path["configuration"], param="configuration")


def _retrieve(world: World, ask: Ask) -> Document:
    return shown(world, _known(world, ask))


def _update(world: World, ask: Ask) -> Document:
    known = _known(world, ask)
    take(known, ask.params, "active", "default_return_url", "name")
    known["features"] = _features(known["features"], ask.get("features", {}))
    if "business_profile" in ask.params:
        known["business_profile"] = {**known["business_profile"], **ask.params["business_profile"]}
    known["metadata"] = merge_metadata(known["metadata"], ask.params)
    known["updated"] = world.now()
    return shown(world, world.save(known))


def _list(world: World, ask: Ask) -> Document:
    active, is_default = ask.get("active"), ask.get("is_default")
    return page(
        world,
        ask,
        KIND,
        url="/v1/billing_portal/configurations",
        keep=lambda one: (
            active in {None, one["active"]} and is_default in {None, one["is_default"]}
        ),
    )


_SWITCH = record({"enabled": boolean}, required=("enabled",))
_CANCEL = record(
    {
        "cancellation_reason": record(
            {"enabled": boolean, "options": list_of(one_of(*_REASONS))}, required=("enabled",)
        ),
        "enabled": boolean,
        "mode": one_of("at_period_end", "immediately"),
        "proration_behavior": one_of("none"),
    },
    required=("enabled",),
)
_PROFILE = record(
    {
        "headline": clearable(text),
        "privacy_policy_url": text,
        "terms_of_service_url": text,
    }
)
_FIELDS: dict[str, Kind] = {
    "business_profile": _PROFILE,
    "default_return_url": clearable(text),
    "features": record(
        {
            "invoice_history": _SWITCH,
            "payment_method_update": _SWITCH,
            "subscription_cancel": _CANCEL,
        }
    ),
    "metadata": metadata,
    "name": clearable(text),
}
_ALL = "/v1/billing_portal/configurations"
_ONE = _ALL + "/{configuration}"
_NAME = "billing_portal.configurations"

OPERATIONS = [
    Operation("POST", _ALL, f"{_NAME}.create", _create, fields=_FIELDS, required=("features",)),
    Operation("GET", _ONE, f"{_NAME}.retrieve", _retrieve),
    Operation("POST", _ONE, f"{_NAME}.update", _update, fields={**_FIELDS, "active": boolean}),
    Operation(
        "GET",
        _ALL,
        f"{_NAME}.list",
        _list,
        fields={**PAGE, "active": boolean, "is_default": boolean},
    ),
]
