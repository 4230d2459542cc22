"""How far a seller's silent onboarding is."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from integrations_backend.connections.connect import ONBOARD_STRIPE
from integrations_backend.onboarding import queries
from integrations_backend.onboarding.again import AGAIN_AFTER
from integrations_backend.onboarding.models import Reason
from opside_chassis.database import Sessions, transaction


class Stage(StrEnum):
    """Where it stands."""

    CREATED = "created"
    UNDER_WAY = "under_way"
    WAITING = "waiting"
    """Payments or Stripe was away; tried again by itself."""
    REFUSED = "refused"
    """Not tried again by itself."""
    NOT_BEGUN = "not_begun"


@dataclass(frozen=True, slots=True)
class Progress:
    """The stage, and for `WAITING` the earliest moment of the next job."""

    stage: Stage
    next_try_at: datetime | None = None


async def read_progress(sessions: Sessions, *, user_id: str) -> Progress:
    """How far the seller's onboarding is now."""
    async with transaction(sessions, tenant=user_id) as session:
        if await queries.account_of(session, user_id):
            return Progress(Stage.CREATED)
        if await queries.has_job(session, user_id, ONBOARD_STRIPE):
            return Progress(Stage.UNDER_WAY)
        ended = await queries.given_up(session, user_id)
    if ended is None:
        return Progress(Stage.NOT_BEGUN)
    if ended.reason == Reason.REFUSED.value:
        return Progress(Stage.REFUSED)
    return Progress(Stage.WAITING, ended.given_up_at + AGAIN_AFTER)
