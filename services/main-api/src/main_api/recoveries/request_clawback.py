"""Ask stripe-payments to give the fee back in proportion."""

from datetime import UTC, datetime

from main_api.recoveries import queries
from main_api.recoveries.models import Recovery, Reversal
from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import RetryLater, StagedJob, fence
from opside_contracts.payments.client import PaymentsClient
from opside_contracts.payments.messages import ClawBackCommission

COMMISSION_PENDING_WAIT_SECONDS = 300


async def request_clawback(sessions: Sessions, payments: PaymentsClient, job: StagedJob) -> None:
    """Safe to repeat: payments gives one effect per reversal id.

    Raises:
        RetryLater: the fee itself has not been accepted yet.
    """
    user_id = job.tenant or ""
    recovery, reversal = await _read(sessions, job, user_id=user_id)
    if reversal.clawed_back_at is not None:
        return
    if recovery.transaction_id is None:
        raise RetryLater(COMMISSION_PENDING_WAIT_SECONDS, "its fee has not been asked for yet")
    await payments.claw_back(
        ClawBackCommission(
            transaction_id=recovery.transaction_id,
            reversal_id=reversal.reversal_id,
            reason="Amazon took a reimbursement back",
            refund_amount_cents=reversal.amount_minor,
        ),
        idempotency_key=f"reversal-{user_id}-{reversal.reversal_id}"[:255],
    )
    async with transaction(sessions, tenant=user_id) as session:
        await fence(session, job)
        stored = await queries.find_reversal(
            session, user_id=user_id, reversal_id=reversal.reversal_id
        )
        if stored is not None:
            stored.clawed_back_at = datetime.now(UTC)


async def _read(sessions: Sessions, job: StagedJob, *, user_id: str) -> tuple[Recovery, Reversal]:
    async with transaction(sessions, tenant=user_id) as session:
        recovery = await queries.find_recovery(
            session, user_id=user_id, recovery_id=job.payload["recoveryId"]
        )
        reversal = await queries.find_reversal(
            session, user_id=user_id, reversal_id=job.payload["reversalId"]
        )
    if recovery is None or reversal is None:
        raise LookupError(f"no recovery {job.payload['recoveryId']} of this user")
    return recovery, reversal
