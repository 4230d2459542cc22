"""What Stripe delivered: a signed event of the right mode, for the right endpoint."""

import json
from collections.abc import Mapping
from typing import Any

from opside_chassis.errors import BadRequest
from opside_chassis.inbox import InboxEvent, receive_at_once
from stripe_payments.runtime import Runtime
from stripe_payments.settings import Settings
from stripe_payments.webhooks.apply import APPLY_STRIPE_EVENT
from stripe_payments.webhooks.signature import endpoint_of

SOURCE = "stripe"
SIGNATURE_HEADER = "stripe-signature"


async def store_delivery(parts: Runtime, headers: Mapping[str, str], payload: bytes) -> None:
    """Store an event with the job that applies it; a repeat stores nothing.

    Raises:
        BadRequest: see `event_of`.
    """
    event = event_of(payload, headers.get(SIGNATURE_HEADER, ""), parts.settings)
    await receive_at_once(parts.database.sessions, event, kind=APPLY_STRIPE_EVENT)


def event_of(payload: bytes, signature: str, settings: Settings) -> InboxEvent:
    """The event in the raw bytes of a delivery.

    Raises:
        BadSignature: none of our secrets signed it, or not now.
        BadRequest: it is no event, of the other mode, or of the other endpoint.
    """
    endpoint = endpoint_of(payload, signature, settings.webhook_secrets)
    return _event(payload, endpoint, live=settings.stripe_live_mode)


def _event(payload: bytes, endpoint: str, *, live: bool) -> InboxEvent:
    try:
        body: dict[str, Any] = json.loads(payload)
        event_id, kind = str(body["id"]), str(body["type"])
        reference = {"id": str(body["data"]["object"].get("id", "")), "endpoint": endpoint}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadRequest("the body is no Stripe event") from error
    if bool(body.get("livemode")) is not live:
        raise BadRequest("the event is of the other mode (live or test)")
    account = str(body.get("account") or "")
    if (endpoint == "connect") is not bool(account):
        raise BadRequest("the event does not belong to the endpoint that signed it")
    return InboxEvent(
        source=SOURCE,
        event_id=event_id,
        type=kind,
        payload={"reference": reference, "event": body},
        account=account,
    )
