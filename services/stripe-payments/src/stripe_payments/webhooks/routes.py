"""Where Stripe delivers. Verify, store, answer; the worker does the rest."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from opside_chassis import access
from opside_chassis.errors import BadRequest
from opside_chassis.rate_limits import limit_refused
from opside_chassis.wire import AnswerModel
from stripe_payments.dependencies import Runtime, runtime
from stripe_payments.metrics import webhooks
from stripe_payments.webhooks.delivery import store_delivery
from stripe_payments.webhooks.signature import BadSignature

PATHS = (
    "/webhooks/stripe",
    "/api/v1/webhooks/stripe",
    "/api/stripe/webhook",
    "/api/stripe-webhook",
)
"""One handler under the four paths of the source documents (ruling R20)."""

router = APIRouter()


class Received(AnswerModel):
    """The delivery is stored; also for repeats and types that we do not handle."""

    received: bool = True


RECEIVED = Received().model_dump_json(by_alias=True)


async def receive_delivery(
    request: Request, parts: Annotated[Runtime, Depends(runtime)]
) -> Response:
    """Store one delivery. A good one gets no further than the fast door; see `app.create`."""
    try:
        await store_delivery(parts, request.headers, await request.body())
    except BadRequest as refusal:
        webhooks.add(1, {"type": "", "outcome": "refused"})
        if isinstance(refusal, BadSignature):
            await limit_refused(request)
        raise
    return Response(RECEIVED, media_type="application/json")


for _path in PATHS:
    router.add_api_route(
        _path,
        receive_delivery,
        response_model=Received,
        methods=["POST"],
        dependencies=[Depends(access.provider_signed())],
        operation_id=f"stripe_webhook_{PATHS.index(_path)}",
        include_in_schema=_path == PATHS[0],
    )
