"""What Stripe delivered: a signed event of the right mode, for the right endpoint."""

from collections.abc import Mapping

from opside_chassis.errors import BadRequest
from opside_chassis.inbox import InboxEvent
from stripe_payments.metrics import webhooks
from stripe_payments.runtime import Runtime
from stripe_payments.settings import WebhookSecrets
from stripe_payments.webhooks.apply import APPLY_STRIPE_EVENT, HANDLERS
from stripe_payments.webhooks.event import CONNECT, inbox_event, parse_event
from stripe_payments.webhooks.signature import endpoint_of

SIGNATURE_HEADER = "stripe-signature"


async def store_delivery(parts: Runtime, headers: Mapping[str, str], payload: bytes) -> None:
    """Store an event with the job that applies it; a repeat stores nothing.

    Raises:
        BadRequest: see `event_of`.
    """
    event = event_of(
        payload,
        headers.get(SIGNATURE_HEADER, ""),
        parts.webhook_secrets.now(),
        live=parts.settings.stripe_live_mode,
    )
    if event.type in HANDLERS:
        new, outcome = await parts.intake.receive(event, kind=APPLY_STRIPE_EVENT), "stored"
    else:
        new, outcome = await parts.intake.ignore(event), "ignored"
    webhooks.add(1, {"type": event.type, "outcome": outcome if new else "repeated"})


def event_of(payload: bytes, signature: str, secrets: WebhookSecrets, *, live: bool) -> InboxEvent:
    """The event in the raw bytes of a delivery, signed with one of these secrets.

    Raises:
        BadSignature: none of our secrets signed it, or not now.
        BadRequest: it is no event, of the other mode, or of the other endpoint.
    """
    endpoint = endpoint_of(payload, signature, secrets)
    body, text = parse_event(payload)
    if bool(body.get("livemode")) is not live:
        raise BadRequest("the event is of the other mode (live or test)")
    account = body.get("account") or ""
    if (endpoint == CONNECT) is not bool(account):
        raise BadRequest("the event does not belong to the endpoint that signed it")
    return inbox_event(body, endpoint=endpoint, account=account, text=text)
