"""Webhook deliveries: staged with the event, kept until answered 2xx or given up.

A delivery is a row. The courier (courier.py) sends due rows and writes the outcome; a process
that dies in between sends again, so deliveries are at least once.
"""

import hashlib
import hmac
import json

from opside_sandbox.state import SandboxState
from opside_sandbox.stripe import webhook_faults
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.world import World

DELIVERIES = "stripe.delivery"
RETRY_SECONDS = (5, 60, 300, 1800, 7200, 18000, 36000, 43200, 43200, 43200, 43200)
"""Waits before the tries after the first: about three days in all (times the retry scale)."""


def wants(pattern: str, event_type: str) -> bool:
    """Does `charge.*`, `*` or an exact name cover this type?"""
    if pattern.endswith("*"):
        return event_type.startswith(pattern[:-1])
    return pattern == event_type


def endpoints_for(world: World, event: Document) -> list[Document]:
    """Platform endpoints get the platform's events, Connect endpoints the accounts' events.

    A person's own account is nobody else's business before it is connected.
    """
    if world.account is not None and world.at(None).get("account", world.account) is None:
        return []
    known = world.state.store.list(world.at(None).collection("webhook_endpoint"))
    return [
        one
        for one in known
        if not one.get("deleted")
        and one["status"] == "enabled"
        and one["_connect"] == (world.account is not None)
        and any(wants(pattern, event["type"]) for pattern in one["enabled_events"])
    ]


def stage(world: World, event: Document) -> int:
    """Write the rows of a new event; answers how many endpoints wait for it."""
    waiting = endpoints_for(world, event)
    for endpoint in waiting:
        row = new_row(world.state, event, endpoint)
        webhook_faults.apply(world.state, row, event["type"])
    return len(waiting)


def new_row(state: SandboxState, event: Document, endpoint: Document) -> Document:
    """A delivery that is due now; not stored yet."""
    return {
        "id": f"dlv_{state.token('delivery')}",
        "event": event["id"],
        "type": event["type"],
        "account": event.get("account"),
        "endpoint": endpoint["id"],
        "status": "pending",
        "attempt": 0,
        "due_at": state.clock.now().timestamp(),
        "forged": False,
        "last_outcome": None,
    }


def envelope(event: Document, endpoint: Document) -> bytes:
    """The bytes to send: the event in the endpoint's API version."""
    body = {key: value for key, value in event.items() if not key.startswith("_")}
    body["api_version"] = endpoint["api_version"] or body["api_version"]
    return json.dumps(body, indent=2).encode()


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """`t=…,v1=…` as Stripe signs: HMAC-SHA256 over "t.body"."""
    mac = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"t={timestamp},v1={mac.hexdigest()}"


def note(state: SandboxState, row: Document, *, delivered: bool, outcome: str) -> None:
    """Write what became of one try: delivered, due again, or given up."""
    row = {**row, "attempt": row["attempt"] + 1, "last_outcome": outcome}
    if row["forged"]:
        row["status"] = "delivered" if delivered else "refused"
    elif delivered:
        row["status"] = "delivered"
    elif row["attempt"] > len(RETRY_SECONDS):
        row["status"] = "failed"
    else:
        wait = RETRY_SECONDS[row["attempt"] - 1] * state.settings.webhook_retry_scale
        row["due_at"] = state.clock.now().timestamp() + wait
    with state.store.transaction():
        state.store.put(DELIVERIES, row["id"], row)
        if delivered and not row["forged"]:
            _count_down(state, row)


def _count_down(state: SandboxState, row: Document) -> None:
    """The event waits for one endpoint less, once per endpoint."""
    world = World(state, account=row["account"])
    event = world.get("event", row["event"])
    if event is None or row["endpoint"] in event.get("_delivered", []):
        return
    event["_delivered"] = [*event.get("_delivered", []), row["endpoint"]]
    event["pending_webhooks"] = max(0, event["pending_webhooks"] - 1)
    world.save(event)
