"""Giving fees back: the refund engine orders it, or an administrator."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response

from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.idempotency import REPLAYED_HEADER, required_key
from opside_chassis.service_token import ServiceIdentity
from opside_contracts import scopes
from opside_contracts.payments.messages import ClawBackAccepted, ClawBackCommission
from stripe_payments.clawbacks.request import ACCEPTED, Orderer, request_clawback
from stripe_payments.dependencies import Runtime, runtime

router = APIRouter()
Ordering = Annotated[
    ServiceIdentity | Caller,
    Depends(access.service_or_member(scopes.CLAW_BACK_COMMISSION, access.ADMIN)),
]


@router.post("/api/v1/stripe/clawback", status_code=ACCEPTED, response_model=ClawBackAccepted)
async def claw_back(
    request: ClawBackCommission,
    caller: Ordering,
    parts: Annotated[Runtime, Depends(runtime)],
    idempotency_key: Annotated[str | None, Header()] = None,
) -> Response:
    """Give our fee back in proportion to what Amazon took back; one effect a reversal."""
    accepted = await request_clawback(
        parts.database.sessions,
        request,
        key=required_key(idempotency_key, request.idempotency_key),
        orderer=_orderer(caller),
    )
    headers = {REPLAYED_HEADER: "true"} if accepted.replayed else {}
    return Response(
        accepted.body, status_code=ACCEPTED, media_type="application/json", headers=headers
    )


def _orderer(caller: ServiceIdentity | Caller) -> Orderer:
    if isinstance(caller, Caller):
        return Orderer(caller.user_id)
    return Orderer(caller.service, caller)
