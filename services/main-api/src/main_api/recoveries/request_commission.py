"""Ask stripe-payments for the fee on one recovery."""

from main_api.recoveries import queries
from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import StagedJob, fence
from opside_contracts.payments.client import PaymentsClient
from opside_contracts.payments.messages import ChargeCommission, Collection


async def request_commission(sessions: Sessions, payments: PaymentsClient, job: StagedJob) -> None:
    """Safe to repeat: key and body follow from our rows, so payments answers the same commission.

    Raises:
        Conflict: payments charged this recovery with another amount; the job is parked for a person.
        Unavailable: payments is down; the job is tried again.
    """
    user_id = job.tenant or ""
    async with transaction(sessions, tenant=user_id) as session:
        recovery = await queries.recovery_by_id(session, job.payload["recoveryRowId"])
    if recovery is None or recovery.transaction_id is not None:
        return
    accepted = await payments.charge_commission(
        ChargeCommission(
            user_id=user_id,
            claim_id=recovery.claim_id,
            recovery_id=recovery.recovery_id,
            amount_recovered_cents=recovery.amount_minor,
            currency=recovery.currency,
            collection=Collection(job.payload["collection"]),
        ),
        idempotency_key=f"recovery-{recovery.id}",
    )
    async with transaction(sessions, tenant=user_id) as session:
        await fence(session, job)
        await queries.keep_accepted(
            session,
            recovery.id,
            transaction_id=accepted.transaction_id,
            fee_minor=accepted.platform_fee_cents,
        )
