"""Record a seller's Stripe transactions: pull what is new, link what names a case."""

from integrations_backend.stripe_transactions import queries
from integrations_backend.stripe_transactions.pull import Puller, PullState
from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import RetryLater, StagedJob

THROTTLED_SECONDS = 60


async def record_transactions(
    sessions: Sessions, puller: Puller | None, *, user_id: str
) -> dict[str, object]:
    """The sync's stage (ruling R12); its entry in the audit says how far Stripe was read.

    Stripe being away must not hold Amazon's data up: what it did not tell, the next pull brings.
    """
    if puller is None:
        return {"stripe": "off"}
    pulled = await puller.run(user_id)
    async with transaction(sessions, tenant=user_id) as session:
        linked = await queries.link(session, user_id)
    return {"stripe": pulled.state.value, "stripeTransactions": pulled.new, "linked": linked}


async def pull_job(puller: Puller, job: StagedJob) -> None:
    """The half-hourly job of one seller (features IN34).

    Raises:
        RetryLater: there is more to pull, or the account was asked for too much.
    """
    user_id = job.tenant or ""
    pulled = await puller.run(user_id)
    async with transaction(puller.access.sessions, tenant=user_id) as session:
        await queries.link(session, user_id)
    if pulled.state is PullState.BEHIND:
        raise RetryLater(0, "more Stripe transactions")
    if pulled.state is PullState.THROTTLED:
        raise RetryLater(THROTTLED_SECONDS, "Stripe's rate limit")
