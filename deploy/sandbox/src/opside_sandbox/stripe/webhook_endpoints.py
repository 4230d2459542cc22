"""Webhook endpoints: the platform's own events, or (connect) those of connected accounts."""

from typing import Any
from urllib.parse import urlsplit

from opside_sandbox.state import SandboxState
from opside_sandbox.stripe.errors import Document, invalid
from opside_sandbox.stripe.event_types import EVENT_TYPES
from opside_sandbox.stripe.fields import boolean, clearable, list_of, metadata, text
from opside_sandbox.stripe.listing import PAGE, page
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.version import API_VERSION
from opside_sandbox.stripe.world import Ask, World, merge_metadata, take

_MOST = 16


def build(world: World, endpoint_id: str, url: str, *, secret: str, connect: bool) -> Document:
    """An enabled endpoint for every event; callers narrow it."""
    return {
        "id": endpoint_id,
        "object": "webhook_endpoint",
        "api_version": None,
        "application": None,
        "created": world.now(),
        "description": None,
        "enabled_events": ["*"],
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
        "_connect": connect,
        "_secret": secret,
    }


def forward(state: SandboxState) -> None:
    """Make the endpoints that the settings name, with secrets known beforehand."""
    settings, world = state.settings, World(state)
    pairs = (
        ("we_forward", settings.webhook_secret, False),
        ("we_forward_connect", settings.webhook_connect_secret, True),
    )
    for endpoint_id, secret, connect in pairs:
        known = world.get("webhook_endpoint", endpoint_id) or {}
        same = (known.get("url"), known.get("_secret")) == (settings.webhook_url, secret)
        if settings.webhook_url and secret and not same:
            world.save(
                build(world, endpoint_id, settings.webhook_url, secret=secret, connect=connect)
            )


def _create(world: World, ask: Ask) -> Document:
    if world.account is not None:
        raise invalid("Webhook endpoints cannot be made on a connected account.")
    _check_url(ask.params["url"])
    known = world.state.store.list(world.collection("webhook_endpoint"))
    if sum(not one.get("deleted") for one in known) >= _MOST:
        raise invalid(f"You have reached the maximum of {_MOST} test webhook endpoints.")
    secret = "whsec_" + world.state.token("webhook_secret", 32)
    endpoint = build(
        world,
        world.new_id("webhook_endpoint"),
        ask.params["url"],
        secret=secret,
        connect=ask.get("connect", False),
    )
    take(endpoint, ask.params, "description", "api_version", "enabled_events")
    endpoint["metadata"] = merge_metadata(None, ask.params)
    world.save(endpoint)
    return {**shown(world, endpoint), "secret": secret}


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise invalid(
            "Invalid URL: An explicit scheme (such as https) must be provided.",
            param="url",
            code="url_invalid",
        )


def _events(value: Any, param: str) -> list[str]:  # noqa: ANN401
    """Names of the API's list, or `*`."""
    names: list[str] = list_of(text)(value, param)
    for place, name in enumerate(names):
        if name not in EVENT_TYPES:
            raise invalid(
                f"Invalid {param}[{place}]: must be one of the event types of {API_VERSION}",
                param=f"{param}[{place}]",
            )
    return names


def _version(value: Any, param: str) -> str:  # noqa: ANN401
    if value != API_VERSION:
        raise invalid(f"Invalid {param}: this sandbox speaks {API_VERSION} only", param=param)
    return API_VERSION


def _retrieve(world: World, ask: Ask) -> Document:
    return shown(world, world.need("webhook_endpoint", ask.path["endpoint"]))


def _update(world: World, ask: Ask) -> Document:
    endpoint = world.need("webhook_endpoint", ask.path["endpoint"])
    if "url" in ask.params:
        _check_url(ask.params["url"])
    take(endpoint, ask.params, "url", "description", "enabled_events")
    if "disabled" in ask.params:
        endpoint["status"] = "disabled" if ask.params["disabled"] else "enabled"
    endpoint["metadata"] = merge_metadata(endpoint["metadata"], ask.params)
    return shown(world, world.save(endpoint))


def _delete(world: World, ask: Ask) -> Document:
    endpoint = world.need("webhook_endpoint", ask.path["endpoint"])
    gone = {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}
    return world.save(gone)


def _list(world: World, ask: Ask) -> Document:
    return page(world, ask, "webhook_endpoint", url="/v1/webhook_endpoints")


def _operation(method: str, path: str, name: str, handler: Any, **more: Any) -> Operation:  # noqa: ANN401
    return Operation(method, path, f"webhook_endpoints.{name}", handler, **more)


_ALL, _ONE = "/v1/webhook_endpoints", "/v1/webhook_endpoints/{endpoint}"
_FIELDS = {
    "description": clearable(text),
    "enabled_events": _events,
    "metadata": metadata,
    "url": text,
}
OPERATIONS = [
    _operation(
        "POST",
        _ALL,
        "create",
        _create,
        fields={**_FIELDS, "api_version": _version, "connect": boolean},
        required=("enabled_events", "url"),
    ),
    _operation("GET", _ALL, "list", _list, fields=PAGE),
    _operation("GET", _ONE, "retrieve", _retrieve),
    _operation("POST", _ONE, "update", _update, fields={**_FIELDS, "disabled": boolean}),
    _operation("DELETE", _ONE, "delete", _delete),
]
