"""Apply a stored event: one effect, in the transaction that marks it applied."""

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.accounts.connections import keep_connection
from main_api.events.tell import notice_of
from main_api.filings.follow_payments import follow_payments
from main_api.notifications.notify import LetterTerms, notify
from main_api.recoveries.confirm import FeeTerms, confirm_recovery
from main_api.recoveries.follow_commission import follow_commission
from main_api.recoveries.reverse import reverse_recovery
from opside_chassis import inbox
from opside_chassis.database import Sessions, set_tenant, transaction
from opside_chassis.outbox import StagedJob, fence
from opside_contracts.events import (
    EVENT,
    CasesFound,
    CommissionChanged,
    ConnectionChanged,
    Event,
    RecoveryConfirmed,
    RecoveryReversed,
)

APPLY_EVENT = "apply_event"


async def apply_event(
    sessions: Sessions, job: StagedJob, *, terms: FeeTerms, letters: LetterTerms
) -> None:
    """Apply the event of an inbox row and tell its seller, if it was news.

    A failure leaves it unapplied, to be tried again.
    """
    async with transaction(sessions) as session:
        await fence(session, job)
        row = await inbox.lock(session, job.payload["inboxId"])
        if not row.waiting:
            return
        event = EVENT.validate_python(row.payload)
        await set_tenant(session, event.user_id)
        notice = notice_of(event) if await _effect(session, event, terms) else None
        if notice is not None:
            await notify(session, user_id=event.user_id, notice=notice, terms=letters)
        if isinstance(event, RecoveryConfirmed | RecoveryReversed):
            await follow_payments(session, user_id=event.user_id, recovery_id=event.recovery_id)
        await inbox.mark(session, row.id, "applied")


async def _effect(session: AsyncSession, event: Event, terms: FeeTerms) -> bool:
    """True when it was news: neither known before nor overtaken by a later one."""
    match event:
        case ConnectionChanged():
            return await keep_connection(session, event)
        case RecoveryConfirmed():
            return await confirm_recovery(session, event, terms=terms)
        case RecoveryReversed():
            return await reverse_recovery(session, event)
        case CommissionChanged():
            return await follow_commission(session, event)
        case CasesFound():
            return True
