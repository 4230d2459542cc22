"""Silent onboarding: three tries, then silence to the seller and a line in the log, without secrets."""

import logging

from sqlalchemy.dialects.postgresql import insert

from integrations_backend.connections.access import connected_seller
from integrations_backend.onboarding.models import StripeAccount
from integrations_backend.reports.marketplaces import marketplace
from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import OpsideError
from opside_chassis.outbox import StagedJob, fence
from opside_contracts.payments.client import PaymentsClient
from opside_contracts.payments.messages import ConnectAccount

MOST_TRIES = 3
"""The outbox waits 2 s and 10 s between them (`outbox.BACKOFF_SECONDS`)."""

logger = logging.getLogger(__name__)


async def onboard_stripe(sessions: Sessions, payments: PaymentsClient, job: StagedJob) -> None:
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
        logger.warning("stripe onboarding given up", extra={"userId": user_id, "code": error.code})
        return
    async with transaction(sessions, tenant=user_id) as session:
        await fence(session, job)
        await session.execute(
            insert(StripeAccount)
            .values(user_id=user_id, stripe_account_id=account.stripe_account_id)
            .on_conflict_do_nothing()
        )
