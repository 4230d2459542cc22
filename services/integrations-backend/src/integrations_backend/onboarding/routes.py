"""Whether a Stripe account was made for the caller."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends

from integrations_backend.dependencies import Runtime, runtime
from integrations_backend.onboarding.models import StripeAccount
from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.database import transaction
from opside_chassis.wire import AnswerModel

router = APIRouter()


class OnboardingStatus(AnswerModel):
    """The answer of the source document."""

    success: bool = True
    status: Literal["created", "not_found"]


@router.get("/api/stripe/status")
@router.get("/api/v1/stripe/status")
async def onboarding_status(
    caller: Annotated[Caller, Depends(access.member())],
    parts: Annotated[Runtime, Depends(runtime)],
) -> OnboardingStatus:
    """`created` once the seller has a Stripe account."""
    async with transaction(parts.database.sessions, tenant=caller.user_id) as session:
        row = await session.get(StripeAccount, caller.user_id)
    return OnboardingStatus(status="not_found" if row is None else "created")
