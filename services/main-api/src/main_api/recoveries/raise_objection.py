"""A seller objects to the fee on one recovery before it is asked for."""

from datetime import datetime

from main_api.recoveries import queries
from main_api.recoveries.errors import TooLateToObject
from main_api.recoveries.models import Objection
from main_api.recoveries.schemas import RecoveryView
from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import NotFound


async def raise_objection(
    sessions: Sessions, *, user_id: str, recovery_id: str, reason: str, now: datetime
) -> RecoveryView:
    """Hold the fee back until an admin decides. A second objection to the same line changes nothing.

    Raises:
        NotFound: the seller has no such recovery.
        TooLateToObject: the fee was asked for, will never be, or the time to object is over.
    """
    async with transaction(sessions, tenant=user_id) as session:
        # The lock that the fee's request takes too: one of the two comes first, never both.
        recovery = await queries.find_recovery(
            session, user_id=user_id, recovery_id=recovery_id, lock=True
        )
        if recovery is None:
            raise NotFound("there is no such recovery")
        known = await queries.find_objection(session, recovery.id)
        if known is not None:
            return RecoveryView.of(recovery, known)
        if not recovery.billable or recovery.not_charged_reason is not None:
            raise TooLateToObject("no fee is asked for this recovery")
        if recovery.requested_at is not None:
            raise TooLateToObject(
                "the fee was asked for already; write to support, who can give it back"
            )
        if recovery.review_until is None or recovery.review_until <= now:
            raise TooLateToObject("the time to object is over")
        raised = Objection(
            recovery_row_id=recovery.id, user_id=user_id, reason=reason, raised_at=now
        )
        session.add(raised)
        return RecoveryView.of(recovery, raised)
