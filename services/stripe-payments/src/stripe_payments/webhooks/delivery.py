"""What Stripe delivered: a signed event of the right mode, for the right endpoint."""

import json
from collections.abc import Mapping

from opside_chassis.database import Sessions, driver_beside
from opside_chassis.errors import BadRequest
from opside_chassis.ids import new_id
from opside_chassis.inbox import InboxEvent, receive_at_once
from stripe_payments.metrics import webhooks
from stripe_payments.runtime import Runtime
from stripe_payments.settings import Settings
from stripe_payments.webhooks.apply import APPLY_STRIPE_EVENT, HANDLERS
from stripe_payments.webhooks.event import CONNECT, inbox_event, parse_event
from stripe_payments.webhooks.signature import endpoint_of

SIGNATURE_HEADER = "stripe-signature"

_KEEP_IGNORED = """
    INSERT INTO inbox (id, source, account, event_id, type, payload, status)
    VALUES ($1, $2, $3, $4, $5, CAST($6 AS jsonb), 'ignored')
    ON CONFLICT (source, account, event_id) DO NOTHING
"""


_NOTHING_INSERTED = "INSERT 0 0"


async def store_delivery(parts: Runtime, headers: Mapping[str, str], payload: bytes) -> None:
    """Store an event with the job that applies it; a repeat stores nothing.

    Raises:
        BadRequest: see `event_of`.
    """
    event = event_of(payload, headers.get(SIGNATURE_HEADER, ""), parts.settings)
    if event.type in HANDLERS:
        new = await receive_at_once(parts.database.sessions, event, kind=APPLY_STRIPE_EVENT)
    else:
        new = await _keep_ignored(parts.database.sessions, event)
    outcome = ("stored" if event.type in HANDLERS else "ignored") if new else "repeated"
    webhooks.add(1, {"type": event.type, "outcome": outcome})


def event_of(payload: bytes, signature: str, settings: Settings) -> InboxEvent:
    """The event in the raw bytes of a delivery.

    Raises:
        BadSignature: none of our secrets signed it, or not now.
        BadRequest: it is no event, of the other mode, or of the other endpoint.
    """
    endpoint = endpoint_of(payload, signature, settings.webhook_secrets)
    body = parse_event(payload)
    if bool(body.get("livemode")) is not settings.stripe_live_mode:
        raise BadRequest("the event is of the other mode (live or test)")
    account = body.get("account") or ""
    if (endpoint == CONNECT) is not bool(account):
        raise BadRequest("the event does not belong to the endpoint that signed it")
    return inbox_event(body, endpoint=endpoint, account=account)


async def _keep_ignored(sessions: Sessions, event: InboxEvent) -> bool:
    """A type that nobody handles is kept for a year all the same, at rest from the start."""
    tag = await driver_beside(sessions).execute(
        _KEEP_IGNORED,
        new_id("inb"),
        event.source,
        event.account,
        event.event_id,
        event.type,
        json.dumps(event.payload),
    )
    return tag != _NOTHING_INSERTED
