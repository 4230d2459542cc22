"""Keep the state of our fee as stripe-payments tells it."""

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.recoveries import queries
from main_api.recoveries.errors import RecoveryUnknown
from opside_contracts.events import CommissionChanged


async def follow_commission(session: AsyncSession, event: CommissionChanged) -> bool:
    """Take over the newest state; an older version that arrives late changes nothing: False.

    Raises:
        RecoveryUnknown: the recovery is not stored yet; events come in any order.
    """
    if await queries.keep_commission(session, event):
        return True
    known = await queries.find_recovery(
        session, user_id=event.user_id, recovery_id=event.recovery_id
    )
    if known is None:
        raise RecoveryUnknown(f"reimbursement {event.recovery_id} is not known yet")
    return False
