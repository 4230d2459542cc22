"""Apply a stored event: one effect, in the transaction that marks it applied."""

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.accounts.connections import keep_connection
from main_api.recoveries.confirm import FeeTerms, confirm_recovery
from main_api.recoveries.follow_commission import follow_commission
from main_api.recoveries.reverse import reverse_recovery
from opside_chassis import inbox
from opside_chassis.database import Sessions, set_tenant, transaction
from opside_chassis.outbox import StagedJob, fence
from opside_contracts.events import (
    EVENT,
    CommissionChanged,
    ConnectionChanged,
    Event,
    RecoveryConfirmed,
    RecoveryReversed,
)

APPLY_EVENT = "apply_event"


async def apply_event(sessions: Sessions, job: StagedJob, *, terms: FeeTerms) -> None:
    """Apply the event of an inbox row. A failure leaves it unapplied, to be tried again."""
    async with transaction(sessions) as session:
        await fence(session, job)
        row = await inbox.lock(session, job.payload["inboxId"])
        if not row.waiting:
            return
        event = EVENT.validate_python(row.payload)
        await set_tenant(session, event.user_id)
        await _effect(session, event, terms)
        await inbox.mark(session, row.id, "applied")


async def _effect(session: AsyncSession, event: Event, terms: FeeTerms) -> None:
    match event:
        case ConnectionChanged():
            await keep_connection(session, event)
        case RecoveryConfirmed():
            await confirm_recovery(session, event, terms=terms)
        case RecoveryReversed():
            await reverse_recovery(session, event)
        case CommissionChanged():
            await follow_commission(session, event)
