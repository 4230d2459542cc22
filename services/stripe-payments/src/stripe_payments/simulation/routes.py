"""Simulated events; the route does not exist in live mode."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.wire import ApiModel, PlainText, Reference
from stripe_payments.dependencies import Runtime, runtime
from stripe_payments.simulation.simulate import Simulated, simulate_event

router = APIRouter()


class Simulate(ApiModel):
    """Which transaction, and what Stripe shall seem to have said."""

    transaction_id: Reference
    event_type: Annotated[PlainText, Field(max_length=100)]


@router.post("/api/v1/stripe/simulate-payout", status_code=202)
async def simulate(
    body: Simulate,
    _admin: Annotated[Caller, Depends(access.admin())],
    parts: Annotated[Runtime, Depends(runtime)],
) -> Simulated:
    """Store an event as if Stripe had sent it. Test mode only."""
    return await simulate_event(
        parts.database.sessions, transaction_id=body.transaction_id, event_type=body.event_type
    )
