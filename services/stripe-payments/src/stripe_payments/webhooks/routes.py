"""Where Stripe delivers. Verify, store, answer; the worker does the rest."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from opside_chassis import access
from opside_chassis.database import transaction
from opside_chassis.errors import BadRequest
from opside_chassis.inbox import InboxEvent, receive
from opside_chassis.wire import AnswerModel
from stripe_payments.dependencies import Runtime, runtime
from stripe_payments.webhooks.apply import APPLY_STRIPE_EVENT
from stripe_payments.webhooks.signature import endpoint_of

PATHS = (
    "/webhooks/stripe",
    "/api/v1/webhooks/stripe",
    "/api/stripe/webhook",
    "/api/stripe-webhook",
)
"""One handler under the four paths of the source documents (ruling R20)."""
SOURCE = "stripe"

router = APIRouter()


class Received(AnswerModel):
    """The delivery is stored; also for repeats and types that we do not handle."""

    received: bool = True


async def receive_delivery(
    request: Request, parts: Annotated[Runtime, Depends(runtime)]
) -> Received:
    """Store one delivery."""
    payload = await request.body()
    endpoint = endpoint_of(
        payload, request.headers.get("stripe-signature", ""), parts.settings.webhook_secrets
    )
    event = _event(payload, endpoint, live=parts.settings.stripe_live_mode)
    async with transaction(parts.database.sessions) as session:
        await receive(session, event, kind=APPLY_STRIPE_EVENT)
    return Received()


for _path in PATHS:
    router.add_api_route(
        _path,
        receive_delivery,
        methods=["POST"],
        dependencies=[Depends(access.provider_signed())],
        operation_id=f"stripe_webhook_{PATHS.index(_path)}",
        include_in_schema=_path == PATHS[0],
    )


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
