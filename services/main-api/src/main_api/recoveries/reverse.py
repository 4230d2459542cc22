"""Amazon took money back: note it once, and have the fee given back in proportion."""

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.recoveries import queries
from main_api.recoveries.errors import RecoveryContradicted, RecoveryUnknown
from main_api.recoveries.models import Reversal
from opside_chassis.outbox import stage
from opside_contracts.events import RecoveryReversed

REQUEST_CLAWBACK = "request_clawback"


async def reverse_recovery(session: AsyncSession, event: RecoveryReversed) -> bool:
    """Store the reversal and stage the clawback if a fee was asked for; False when it was known.

    Raises:
        RecoveryUnknown: the recovery is not stored yet; events come in any order.
        RecoveryContradicted: another currency than was paid, or a known reversal with another amount.
    """
    recovery = await queries.find_recovery(
        session, user_id=event.user_id, recovery_id=event.recovery_id, lock=True
    )
    if recovery is None:
        raise RecoveryUnknown(f"reimbursement {event.recovery_id} is not known yet")
    if recovery.currency != event.currency:
        raise RecoveryContradicted(
            f"reimbursement {event.recovery_id} was paid in {recovery.currency}"
        )
    reversal = Reversal(
        user_id=event.user_id,
        reversal_id=event.reversal_id,
        recovery_id=event.recovery_id,
        amount_minor=event.amount_minor,
        currency=event.currency,
        reversed_at=event.reversed_at,
    )
    if not await queries.insert_reversal(session, reversal):
        await _refuse_contradiction(session, event)
        return False
    recovery.reversed_minor += event.amount_minor
    if recovery.billable:
        await stage(
            session,
            REQUEST_CLAWBACK,
            {"recoveryId": event.recovery_id, "reversalId": event.reversal_id},
            tenant=event.user_id,
            dedupe_key=f"{REQUEST_CLAWBACK}:{event.user_id}:{event.reversal_id}",
        )
    return True


async def _refuse_contradiction(session: AsyncSession, event: RecoveryReversed) -> None:
    known = await queries.find_reversal(
        session, user_id=event.user_id, reversal_id=event.reversal_id
    )
    told = (event.recovery_id, event.amount_minor)
    if known and (known.recovery_id, known.amount_minor) != told:
        raise RecoveryContradicted(
            f"reversal {event.reversal_id} is known with {known.amount_minor} of {known.recovery_id}"
        )
