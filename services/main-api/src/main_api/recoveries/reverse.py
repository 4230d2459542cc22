"""Amazon took money back: note it once, and have the fee given back in proportion."""

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.recoveries import queries
from main_api.recoveries.models import Reversal
from opside_chassis.outbox import RetryLater, stage
from opside_contracts.events import RecoveryReversed

REQUEST_CLAWBACK = "request_clawback"
UNKNOWN_RECOVERY_WAIT_SECONDS = 60


async def reverse_recovery(session: AsyncSession, event: RecoveryReversed) -> None:
    """Store the reversal and stage the clawback if a fee was asked for.

    Raises:
        RetryLater: the recovery is not stored yet; events come in any order.
    """
    recovery = await queries.find_recovery(
        session, user_id=event.user_id, recovery_id=event.recovery_id, lock=True
    )
    if recovery is None:
        raise RetryLater(UNKNOWN_RECOVERY_WAIT_SECONDS, "its recovery is not known yet")
    reversal = Reversal(
        user_id=event.user_id,
        reversal_id=event.reversal_id,
        recovery_id=event.recovery_id,
        amount_minor=event.amount_minor,
        currency=event.currency,
        reversed_at=event.reversed_at,
    )
    if not await queries.insert_reversal(session, reversal):
        return
    recovery.reversed_minor += event.amount_minor
    if recovery.billable:
        await stage(
            session,
            REQUEST_CLAWBACK,
            {"recoveryId": event.recovery_id, "reversalId": event.reversal_id},
            tenant=event.user_id,
            dedupe_key=f"{REQUEST_CLAWBACK}:{event.user_id}:{event.reversal_id}",
        )
