"""Fetch reports: ask, store the id, poll, download, read. Every move is stored before the next."""

import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from integrations_backend.amazon_api.errors import (
    AccessDenied,
    GrantRefused,
    RequestRefused,
    Throttled,
)
from integrations_backend.amazon_api.gateway import Amazon, ReportState
from integrations_backend.archive import Archive
from integrations_backend.connections.state import mark_broken
from integrations_backend.reports.errors import UnreadableReport
from integrations_backend.reports.ingest import ingest_report
from integrations_backend.reports.kinds import (
    ENDED_REPORTS,
    LISTED_REPORTS,
    REQUESTED_REPORTS,
    window_days,
)
from integrations_backend.reports.received import ReceivedReport
from integrations_backend.sync import queries
from integrations_backend.sync.models import SyncJob, SyncReport
from integrations_backend.vault.tokens import TokenVault
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import RetryLater
from opside_contracts.integrations.messages import Provider

T = TypeVar("T")
SETTLED = frozenset({"read", "no_data", "denied", "failed"})
LISTED_DAYS = 90
"""getReports reaches so far back (facts section 3)."""
POLL_SECONDS = 0.5
LONGEST_POLL_SECONDS = 600.0
WAITED_PART = 0.1
"""A report is looked at again after this part of the time that the sync has waited already."""
GIVE_UP_AFTER = timedelta(days=1)
"""Amazon writes a report within hours; one that is never ready must not block all later syncs."""
THROTTLED_SECONDS = 60
"""A bucket of one token a minute is full enough for one call after that."""
NEVER_READY = "Amazon did not finish it within a day"
WORK_SECONDS = 10.0
"""One run of the job reads for so long, then lets others work; well under the job's 20 s."""


def poll_pause(waited: timedelta) -> float:
    """Seconds until a report is looked at again."""
    return min(max(POLL_SECONDS, waited.total_seconds() * WAITED_PART), LONGEST_POLL_SECONDS)


@dataclass(frozen=True, slots=True)
class Fetcher:
    """One run over the reports of one sync."""

    sessions: Sessions
    amazon: Amazon
    tokens: TokenVault
    archive: Archive
    clock: Clock

    async def run(self, sync: SyncJob) -> None:
        """Bring every report of the sync one move on.

        Raises:
            RetryLater: something is not ready, throttled, or there was more than one run's work.
            GrantRefused: the seller must consent again.
        """
        try:
            await self._move_on(sync)
        except GrantRefused:
            async with transaction(self.sessions, tenant=sync.user_id) as session:
                await mark_broken(session, Provider.AMAZON, user_id=sync.user_id, now=self.clock())
            raise
        except Throttled as error:
            raise RetryLater(THROTTLED_SECONDS, f"Amazon's usage plan: {error}") from error
        if left := await self._open_reports(sync):
            if any(report.state != "requested" for report in left):
                raise RetryLater(POLL_SECONDS, "more reports to ask for or to read")
            pause = poll_pause(self.clock() - sync.started_at)
            raise RetryLater(pause, "Amazon is still writing reports")

    async def _move_on(self, sync: SyncJob) -> None:
        begun = self.clock()
        await self._list_ready_made(sync)
        for report in await self._open_reports(sync):
            await self._advance(sync, report)
            if (self.clock() - begun).total_seconds() > WORK_SECONDS:
                raise RetryLater(0, "more reports to read")

    async def _granted(self, sync: SyncJob, call: Callable[[str], Awaitable[T]]) -> T:
        """Call with the stored token, and once more with a fresh one if Amazon refuses it.

        Raises:
            AccessDenied: refused again: the role is missing.
            GrantRefused: no fresh token is given: the authorisation was withdrawn.
        """
        user_id = sync.user_id
        token = await self.tokens.access_token(self.amazon, user_id=user_id)
        try:
            return await call(token)
        except AccessDenied:
            fresh = await self.tokens.access_token(self.amazon, user_id=user_id, refused=token)
            return await call(fresh)

    async def _open_reports(self, sync: SyncJob) -> list[SyncReport]:
        async with transaction(self.sessions, tenant=sync.user_id) as session:
            reports = await queries.reports_of(session, user_id=sync.user_id, sync_id=sync.id)
        return [report for report in reports if report.state not in SETTLED]

    async def _list_ready_made(self, sync: SyncJob) -> None:
        """Settlements cannot be asked for: find those that Amazon has written. Once a sync."""
        async with transaction(self.sessions, tenant=sync.user_id) as session:
            known = await queries.reports_of(session, user_id=sync.user_id, sync_id=sync.id)
        if any(report.report_key == "listed" for report in known):
            return
        since = self.clock() - timedelta(days=LISTED_DAYS)
        rows = [self._row(sync, "listed", "listed", None, "read")]
        for report_type in LISTED_REPORTS:
            list_them = partial(self.amazon.finished_reports, report_type=report_type, since=since)
            try:
                found = await self._granted(sync, list_them)
            except AccessDenied:
                rows.append(self._row(sync, report_type, report_type, None, "denied"))
                continue
            rows += [
                self._row(sync, f"{report_type}:{one.report_id}", report_type, one, "ready")
                for one in found
                if one.document_id
            ]
        async with transaction(self.sessions, tenant=sync.user_id) as session:
            await queries.add_reports(session, rows)

    @staticmethod
    def _row(
        sync: SyncJob, key: str, report_type: str, made: ReportState | None, state: str
    ) -> dict[str, object]:
        return {
            "sync_id": sync.id,
            "report_key": key,
            "report_type": report_type,
            "user_id": sync.user_id,
            "report_id": made.report_id if made else None,
            "document_id": made.document_id if made else None,
            "state": state,
        }

    async def _advance(self, sync: SyncJob, report: SyncReport) -> None:
        moves = {"pending": self._request, "requested": self._poll, "ready": self._read}
        try:
            await self._granted(sync, partial(moves[report.state], sync, report))
        except AccessDenied:
            await self._change(sync, report, state="denied", note="Amazon grants no such report")
        except (RequestRefused, UnreadableReport) as error:
            await self._change(sync, report, state="failed", note=str(error)[:300])

    async def _request(self, sync: SyncJob, report: SyncReport, token: str) -> None:
        start = sync.started_at - timedelta(days=window_days(report.report_type))
        ended = report.report_type in ENDED_REPORTS
        report_id = await self.amazon.create_report(
            token,
            report_type=report.report_type,
            marketplace_id=sync.marketplace_id,
            start=start,
            end=await self._amazons_now(sync, token) if ended else None,
        )
        await self._change(sync, report, state="requested", report_id=report_id)

    async def _amazons_now(self, sync: SyncJob, token: str) -> datetime:
        """When Amazon took another request of this sync, by its clock.

        It refuses an end that lies in its future, and ours may be fast; a slow one loses rows.
        """
        async with transaction(self.sessions, tenant=sync.user_id) as session:
            reports = await queries.reports_of(session, user_id=sync.user_id, sync_id=sync.id)
        for other in reports:
            if other.report_type in REQUESTED_REPORTS and other.report_id is not None:
                made = await self.amazon.report(token, other.report_id)
                if made.created is not None:
                    return made.created
        return self.clock()

    async def _poll(self, sync: SyncJob, report: SyncReport, token: str) -> None:
        made = await self.amazon.report(token, report.report_id or "")
        match made.status:
            case "DONE":
                await self._change(sync, report, state="ready", document_id=made.document_id)
            case "CANCELLED":
                await self._change(sync, report, state="no_data", note="nothing qualifies")
            case "FATAL":
                await self._change(sync, report, state="failed", note="Amazon could not write it")
            case _ if self.clock() - sync.started_at > GIVE_UP_AFTER:
                await self._change(sync, report, state="failed", note=NEVER_READY)

    async def _read(self, sync: SyncJob, report: SyncReport, token: str) -> None:
        document_id = report.document_id or ""
        with tempfile.TemporaryDirectory(prefix="opside-report-") as folder:
            content = Path(folder) / "document"
            charset = await self.amazon.download(token, document_id, content)
            read = await ingest_report(
                self.sessions,
                self.archive,
                ReceivedReport(
                    user_id=sync.user_id,
                    sync_id=sync.id,
                    report_type=report.report_type,
                    marketplace_id=sync.marketplace_id,
                    report_id=report.report_id or "",
                    document_id=document_id,
                    content=content,
                    charset=charset,
                ),
            )
        await self._change(sync, report, state="read", rows=read.rows, rejected=read.rejected)

    async def _change(self, sync: SyncJob, report: SyncReport, **values: object) -> None:
        async with transaction(self.sessions, tenant=sync.user_id) as session:
            await queries.change_report(
                session, sync_id=sync.id, report_key=report.report_key, **values
            )
