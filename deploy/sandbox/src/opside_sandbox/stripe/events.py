"""Events: made in the transaction of what they tell, staged for each endpoint that wants them."""

from collections.abc import Callable

from opside_sandbox.stripe import deliveries
from opside_sandbox.stripe.errors import Document, missing
from opside_sandbox.stripe.fields import boolean, list_of, text
from opside_sandbox.stripe.listing import CREATED, PAGE, page_of
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.version import API_VERSION
from opside_sandbox.stripe.world import Ask, World

Follower = Callable[[World, Document], None]
FOLLOWERS: dict[str, Follower] = {}
"""By event type: what goes on at once, in the same transaction, when such an event is made."""
LISTED_SECONDS = 30 * 24 * 3600
_UNDATED = {"updated"}  # fields whose change alone is no change


def emit(
    world: World, event_type: str, subject: Document, *, before: Document | None = None
) -> Document:
    """Record that something happened to `subject` in this account.

    With `before`, the event carries `previous_attributes` (Stripe: `*.updated` only).
    """
    data: Document = {"object": shown(world, subject)}
    if before is not None:
        data["previous_attributes"] = changed(shown(world, before), data["object"])
    event: Document = {
        "id": world.new_id("event"),
        "object": "event",
        "api_version": API_VERSION,
        "created": world.now(),
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": world.request_id, "idempotency_key": world.idempotency_key},
        "type": event_type,
    }
    if world.account is not None:
        event["account"] = world.account
    event["pending_webhooks"] = deliveries.stage(world, event)
    world.save(event)
    if follower := FOLLOWERS.get(event_type):
        follower(world, subject)
    return event


def changed(before: Document, after: Document) -> Document:
    """The old values of what differs, one level deep into objects."""
    old: Document = {}
    for key, value in before.items():
        new = after.get(key)
        if new == value or key in _UNDATED:
            continue
        if isinstance(value, dict) and isinstance(new, dict):
            inner = {name: one for name, one in value.items() if new.get(name) != one}
            inner.update({name: None for name in new if name not in value})
            old[key] = inner
        else:
            old[key] = value
    return old


def _retrieve(world: World, ask: Ask) -> Document:
    event = world.get("event", ask.path["id"])
    if event is None or event["created"] < world.now() - LISTED_SECONDS:
        raise missing("event", ask.path["id"])
    return shown(world, event)


def _list(world: World, ask: Ask) -> Document:
    """Events of the last 30 days."""
    oldest = world.now() - LISTED_SECONDS
    wanted = set(ask.get("types", [])) | ({ask.get("type")} - {None})
    delivered = ask.get("delivery_success")

    def keep(event: Document) -> bool:
        return (
            event["created"] >= oldest
            and (not wanted or any(deliveries.wants(one, event["type"]) for one in wanted))
            and (delivered is None or (event["pending_webhooks"] == 0) == delivered)
        )

    known = world.state.store.scan(world.collection("event"))
    return page_of(world, ask, known, url="/v1/events", keep=keep)


OPERATIONS = [
    Operation("GET", "/v1/events/{id}", "events.retrieve", _retrieve),
    Operation(
        "GET",
        "/v1/events",
        "events.list",
        _list,
        fields={
            **PAGE,
            **CREATED,
            "type": text,
            "types": list_of(text),
            "delivery_success": boolean,
        },
    ),
]
