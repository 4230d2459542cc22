"""Silent onboarding: three tries, then silence to the seller and a line in the log, without secrets."""

import logging

from integrations_backend.connections.access import connected_seller
from integrations_backend.onboarding import queries
from integrations_backend.onboarding.models import GivenUpOnboarding, Reason
from integrations_backend.reports.marketplaces import marketplace
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import OpsideError, TooManyRequests, Unavailable
from opside_chassis.outbox import StagedJob, fence
from opside_contracts.payments.client import PaymentsClient
from opside_contracts.payments.messages import ConnectAccount

MOST_TRIES = 3
"""Of one job (feature IN46). The outbox waits 2 s and 10 s between them (`outbox.BACKOFF_SECONDS`)."""

logger = logging.getLogger(__name__)


async def onboard_stripe(
    sessions: Sessions, payments: PaymentsClient, job: StagedJob, *, clock: Clock
) -> None:
    """Have a Stripe account made for the seller. Never delays or fails his sign-in.

    Raises:
        OpsideError: payments refused or is down, and a try is left.
    """
    user_id = job.tenant or ""
    seller = await connected_seller(sessions, user_id)
    if seller is None:
        return
    country = marketplace(seller.marketplace_id).country
    try:
        account = await payments.connect_account(
            ConnectAccount(user_id=user_id, country=country),
            idempotency_key=f"onboard-{user_id}",
        )
    except OpsideError as error:
        if job.failures + 1 < MOST_TRIES:
            raise
        await _give_up(sessions, job, error, clock=clock)
        return
    async with transaction(sessions, tenant=user_id) as session:
        await fence(session, job)
        await queries.keep_account(session, user_id, account.stripe_account_id)


async def _give_up(sessions: Sessions, job: StagedJob, error: OpsideError, *, clock: Clock) -> None:
    user_id = job.tenant or ""
    away = isinstance(error, Unavailable | TooManyRequests)
    reason = Reason.UNAVAILABLE if away else Reason.REFUSED
    logger.warning(
        "stripe onboarding given up",
        extra={"userId": user_id, "code": error.code, "reason": reason.value},
    )
    async with transaction(sessions, tenant=user_id) as session:
        await fence(session, job)
        ended = GivenUpOnboarding(
            user_id=user_id, reason=reason.value, code=error.code, given_up_at=clock()
        )
        await queries.give_up(session, ended)
