"""Ask stripe-payments to give the fee back in proportion."""

import hashlib
from datetime import UTC, datetime

from main_api.recoveries import queries
from main_api.recoveries.errors import FeePending
from main_api.recoveries.models import Recovery, Reversal
from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import RetryLater, StagedJob, fence
from opside_contracts.payments.client import PaymentsClient
from opside_contracts.payments.messages import ClawBackCommission

REVIEW_RECHECK_SECONDS = 3600.0
"""A review takes days; what Amazon took back meanwhile can wait an hour longer."""


async def request_clawback(sessions: Sessions, payments: PaymentsClient, job: StagedJob) -> None:
    """Safe to repeat: payments gives one effect per reversal id.

    Raises:
        RetryLater: no fee was asked for yet, since the seller may still object.
        FeePending: the fee itself has not been accepted yet; tried again.
    """
    user_id = job.tenant or ""
    recovery, reversal = await _read(sessions, job, user_id=user_id)
    if reversal.clawed_back_at is not None or recovery.not_charged_reason is not None:
        return
    if recovery.requested_at is None and recovery.review_until is not None:
        raise RetryLater(REVIEW_RECHECK_SECONDS, "the fee is under review")
    if recovery.transaction_id is None:
        raise FeePending(f"no fee on reimbursement {recovery.recovery_id} yet")
    await payments.claw_back(
        ClawBackCommission(
            transaction_id=recovery.transaction_id,
            reversal_id=reversal.reversal_id,
            reason="Amazon took a reimbursement back",
            refund_amount_cents=reversal.amount_minor,
        ),
        idempotency_key=_key(user_id, reversal.reversal_id),
    )
    async with transaction(sessions, tenant=user_id) as session:
        await fence(session, job)
        stored = await queries.find_reversal(
            session, user_id=user_id, reversal_id=reversal.reversal_id
        )
        if stored is not None:
            stored.clawed_back_at = datetime.now(UTC)


def _key(user_id: str, reversal_id: str) -> str:
    """One key a reversal. Hashed, since Amazon's id may hold what a key may not."""
    return f"reversal-{hashlib.sha256(f'{user_id} {reversal_id}'.encode()).hexdigest()}"


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
