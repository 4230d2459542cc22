"""Whether a Stripe account was made for the caller."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends

from integrations_backend.dependencies import Runtime, runtime
from integrations_backend.onboarding.status import Stage, read_progress
from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.wire import AnswerModel

router = APIRouter()


class OnboardingStatus(AnswerModel):
    """The answer of the source document, and more of the truth while there is no account."""

    success: bool = True
    status: Literal["created", "not_found"]
    stage: Stage
    next_try_at: datetime | None
    """Not before then, while the stage is `waiting`."""


@router.get("/api/stripe/status")
@router.get("/api/v1/stripe/status")
async def onboarding_status(
    caller: Annotated[Caller, Depends(access.member())],
    parts: Annotated[Runtime, Depends(runtime)],
) -> OnboardingStatus:
    """`created` once the seller has a Stripe account."""
    progress = await read_progress(parts.database.sessions, user_id=caller.user_id)
    return OnboardingStatus(
        status="created" if progress.stage is Stage.CREATED else "not_found",
        stage=progress.stage,
        next_try_at=progress.next_try_at,
    )
