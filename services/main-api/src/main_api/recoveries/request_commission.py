"""Ask stripe-payments for the fee on one recovery."""

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.recoveries import queries
from main_api.recoveries.models import Recovery
from main_api.recoveries.rules import TAKEN_BACK_FIRST, held_back
from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import StagedJob, fence
from opside_contracts.payments.client import PaymentsClient
from opside_contracts.payments.messages import ChargeCommission, Collection


async def request_commission(sessions: Sessions, payments: PaymentsClient, job: StagedJob) -> None:
    """Safe to repeat: key and body follow from our rows, so payments answers the same commission.

    Nothing is asked for while the seller's objection is open or after it was upheld.

    Raises:
        Conflict: payments charged this recovery with another amount; the job is parked for a person.
        Unavailable: payments is down; the job is tried again.
    """
    request = await _claim(sessions, job)
    if request is None:
        return
    row_id: str = job.payload["recoveryRowId"]
    accepted = await payments.charge_commission(request, idempotency_key=f"recovery-{row_id}")
    async with transaction(sessions, tenant=job.tenant) as session:
        await fence(session, job)
        await queries.keep_accepted(session, row_id, accepted)


async def _claim(sessions: Sessions, job: StagedJob) -> ChargeCommission | None:
    """The request, its recovery marked as asked for before payments hears of it; None: do not ask."""
    async with transaction(sessions, tenant=job.tenant) as session:
        await fence(session, job)
        recovery = await queries.recovery_by_id(session, job.payload["recoveryRowId"], lock=True)
        if recovery is None or recovery.transaction_id is not None:
            return None
        if recovery.requested_at is None and not await _may_ask(session, recovery):
            return None
        mode = Collection(recovery.collection or job.payload["collection"])
        recovery.requested_at = recovery.requested_at or datetime.now(UTC)
        recovery.collection = mode.value
        return ChargeCommission(
            user_id=recovery.user_id,
            claim_id=recovery.claim_id,
            recovery_id=recovery.recovery_id,
            amount_recovered_cents=recovery.amount_minor,
            currency=recovery.currency,
            collection=mode,
        )


async def _may_ask(session: AsyncSession, recovery: Recovery) -> bool:
    if recovery.not_charged_reason is not None:
        return False
    if held_back(await queries.find_objection(session, recovery.id)):
        return False
    if recovery.reversed_minor >= recovery.amount_minor:
        recovery.not_charged_reason = TAKEN_BACK_FIRST
        return False
    return True
