"""Bring every row to rest: what should rest by now, and what the schedules look for."""

from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.jobs import Schedule
from stripe_payments.commissions.access import nudge_overdue
from stripe_payments.reconciliation.compare import COMPARE_BOOKS
from stripe_payments.roles import JANITOR

SWEEP_OVERDUE = "sweep_overdue"
POLL_EVENTS = "poll_events"
POLL_ACCOUNTS = "poll_accounts"
SCHEDULES = (
    Schedule(SWEEP_OVERDUE, 30),
    Schedule(POLL_EVENTS, 60),
    Schedule(POLL_ACCOUNTS, 60),
    Schedule(COMPARE_BOOKS, 24 * 3600),
)


async def sweep_overdue(sessions: Sessions) -> None:
    """Stage the next step of rows that should rest by now."""
    # Every tenant: overdue is overdue, whoever owns the row.
    async with transaction(sessions, tenant=EVERY_TENANT, role=JANITOR) as session:
        await nudge_overdue(session)
