"""Ask stripe-payments for the fee on one recovery."""

from datetime import UTC, datetime

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
    user_id = job.tenant or ""
    recovery = await _claim(sessions, job, user_id=user_id)
    if recovery is None:
        return
    accepted = await payments.charge_commission(
        ChargeCommission(
            user_id=user_id,
            claim_id=recovery.claim_id,
            recovery_id=recovery.recovery_id,
            amount_recovered_cents=recovery.amount_minor,
            currency=recovery.currency,
            collection=Collection(recovery.collection),
        ),
        idempotency_key=f"recovery-{recovery.id}",
    )
    async with transaction(sessions, tenant=user_id) as session:
        await fence(session, job)
        await queries.keep_accepted(session, recovery.id, accepted)


async def _claim(sessions: Sessions, job: StagedJob, *, user_id: str) -> Recovery | None:
    """The recovery to ask a fee for, marked as asked for before payments hears of it; or None."""
    async with transaction(sessions, tenant=user_id) as session:
        await fence(session, job)
        recovery = await queries.recovery_by_id(session, job.payload["recoveryRowId"], lock=True)
        if recovery is None or recovery.transaction_id is not None:
            return None
        if recovery.requested_at is not None:
            return recovery
        objection = await queries.find_objection(session, recovery.id)
        if recovery.not_charged_reason is not None or held_back(objection):
            return None
        if recovery.reversed_minor >= recovery.amount_minor:
            recovery.not_charged_reason = TAKEN_BACK_FIRST
            return None
        recovery.requested_at = datetime.now(UTC)
        recovery.collection = job.payload["collection"]
        return recovery
