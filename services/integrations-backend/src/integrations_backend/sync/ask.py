"""Ask Amazon for a report: once, however often the worker dies, and only for what is new."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from integrations_backend.amazon_api.gateway import Amazon
from integrations_backend.connections.access import connected_since
from integrations_backend.reports.kinds import (
    ENDED_REPORTS,
    MONTHLY_REPORTS,
    REPORT_OPTIONS,
    REQUESTED_REPORTS,
    window_days,
)
from integrations_backend.sync import queries
from integrations_backend.sync.models import SyncJob, SyncReport
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction

ASKING = "asking"
"""Noted before Amazon is asked: whoever finds it does not know whether Amazon was."""
CLOCKS_DIFFER = timedelta(minutes=10)
REUSED_FOR = timedelta(hours=1)
"""A report that an ended sync asked for and did not read is taken over while it is so young."""
READ_AGAIN = timedelta(days=120)
"""Rows of so long ago may still change (facts section 3: 30 days at least); no window that counts
from a row which changes is longer (section 6)."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Where reports are asked for."""

    sessions: Sessions
    clock: Clock

    async def report_id(self, amazon: Amazon, token: str, sync: SyncJob, report: SyncReport) -> str:
        """The id of the report that answers this sync: one that is there already, or a new one."""
        start = await self._start(sync, report)
        if report.note == ASKING:
            known = await self._asked_before(amazon, token, report, start, sync.started_at)
        else:
            known = await self._left_over(sync, report)
            await self._note_asking(report)
        if known is not None:
            return known
        ended = report.report_type in ENDED_REPORTS
        return await amazon.create_report(
            token,
            report_type=report.report_type,
            marketplace_id=sync.marketplace_id,
            start=start,
            end=await self._amazons_now(amazon, token, sync) if ended else None,
            options=REPORT_OPTIONS.get(report.report_type, {}),
        )

    async def _asked_before(
        self, amazon: Amazon, token: str, report: SyncReport, start: datetime, since: datetime
    ) -> str | None:
        """The worker died while it asked: Amazon may have made the report, and its id was lost.

        No other report begins in the same second as ours would.
        """
        there = await amazon.asked_reports(
            token, report_type=report.report_type, since=since - CLOCKS_DIFFER
        )
        begins = start.replace(microsecond=0)
        return next((one.report_id for one in there if one.start == begins), None)

    async def _left_over(self, sync: SyncJob, report: SyncReport) -> str | None:
        """What an ended sync of this store asked for and never read."""
        async with transaction(self.sessions, tenant=sync.user_id) as session:
            return await queries.unread_report(
                session,
                user_id=sync.user_id,
                report_type=report.report_type,
                marketplace_id=sync.marketplace_id,
                asked_since=sync.started_at - REUSED_FOR,
            )

    async def _note_asking(self, report: SyncReport) -> None:
        async with transaction(self.sessions, tenant=report.user_id) as session:
            await queries.change_report(
                session, sync_id=report.sync_id, report_key=report.report_key, note=ASKING
            )

    async def _start(self, sync: SyncJob, report: SyncReport) -> datetime:
        """18 months back at first and after each new consent; then what is new and what may change.

        Whole months where a report tells of months.
        """
        monthly = report.report_type in MONTHLY_REPORTS
        first = sync.started_at - timedelta(days=window_days(report.report_type))
        connected = await connected_since(self.sessions, sync.user_id)
        async with transaction(self.sessions, tenant=sync.user_id) as session:
            read = await queries.last_read(
                session,
                user_id=sync.user_id,
                report_type=report.report_type,
                marketplace_id=sync.marketplace_id,
            )
        if read is None or connected is None or read.started_at < connected:
            return _next_month(first) if monthly else first
        again = max(first, read.started_at - READ_AGAIN)
        return _month(again) if monthly else again

    async def _amazons_now(self, amazon: Amazon, token: str, sync: SyncJob) -> datetime:
        """When Amazon took another request of this sync, by its clock.

        It refuses an end that lies in its future, and ours may be fast; a slow one loses rows.
        """
        async with transaction(self.sessions, tenant=sync.user_id) as session:
            reports = await queries.reports_of(session, user_id=sync.user_id, sync_id=sync.id)
        for other in reports:
            if other.report_type in REQUESTED_REPORTS and other.report_id is not None:
                made = await amazon.report(token, other.report_id)
                if made.created is not None:
                    return made.created
        return self.clock()


def _month(moment: datetime) -> datetime:
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _next_month(moment: datetime) -> datetime:
    """The first whole month that begins after it: Amazon keeps nothing from before 18 months."""
    return _month(_month(moment) + timedelta(days=32))
