"""A new job for sellers whose onboarding ended because payments or Stripe was away."""

from datetime import timedelta

from integrations_backend.connections.connect import ONBOARD_STRIPE
from integrations_backend.onboarding import queries
from opside_chassis.clock import Clock
from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.outbox import StagedJob, fence, stage

ONBOARD_AGAIN = "onboard_stripe_again"
LOOK_SECONDS = 600
AGAIN_AFTER = timedelta(hours=1)
"""At least so long lies between two jobs of one seller."""
SELLERS_IN_ONE_JOB = 200
"""After an outage all come at once: Stripe is asked for so many accounts in ten minutes, not for all."""


async def onboard_again(sessions: Sessions, job: StagedJob, *, clock: Clock) -> None:
    """Stage the new jobs; what payments refused is not asked for again."""
    async with transaction(sessions, tenant=EVERY_TENANT) as session:
        await fence(session, job)
        sellers = await queries.take_due(
            session, given_up_before=clock() - AGAIN_AFTER, limit=SELLERS_IN_ONE_JOB
        )
        for user_id in sellers:
            await stage(session, ONBOARD_STRIPE, {"userId": user_id}, tenant=user_id)
