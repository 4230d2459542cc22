"""Fetch reports: ask, store the id, poll, download, read. Every move is stored before the next."""

import asyncio
import logging
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

from integrations_backend.amazon_api.document import as_received
from integrations_backend.amazon_api.errors import (
    AccessDenied,
    AmazonUnavailable,
    GrantRefused,
    RequestRefused,
    Throttled,
)
from integrations_backend.amazon_api.gateway import Amazon
from integrations_backend.archive import Archive
from integrations_backend.connections.state import mark_broken
from integrations_backend.reports.errors import UnreadableReport
from integrations_backend.reports.ingest import ingest_report
from integrations_backend.reports.received import IngestedReport, ReceivedReport
from integrations_backend.sync import queries
from integrations_backend.sync.ask import Asking
from integrations_backend.sync.granted import Granted
from integrations_backend.sync.listed import list_ready_made
from integrations_backend.sync.long_work import LongWork
from integrations_backend.sync.models import SyncJob, SyncReport
from integrations_backend.sync.rules import (
    READ_AGAIN_SECONDS,
    SETTLED,
    poll_pause,
    written_anew_every,
)
from integrations_backend.vault.tokens import TokenVault
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import RetryLater
from opside_contracts.integrations.messages import Provider

POLL_SECONDS = 0.5
GIVE_UP_AFTER = timedelta(days=1)
"""Amazon writes a report within hours; one that is never ready must not block all later syncs."""
NEVER_READY = "Amazon did not finish it within a day"
HELD_BACK = "Amazon's usage plan held it back for a day"
WORK_SECONDS = 10.0
"""One run of the job reads for so long, then lets others work; well under the job's 20 s."""
READ_AT_ONCE = 2
"""Documents that one worker takes apart at a time: each may need half a gigabyte."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fetcher:
    """One run over the reports of one sync."""

    sessions: Sessions
    amazon: Amazon
    tokens: TokenVault
    archive: Archive
    clock: Clock
    long_work: LongWork = field(default_factory=LongWork)
    _reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(READ_AT_ONCE))

    async def run(self, sync: SyncJob) -> None:
        """Bring every report of the sync one move on.

        Raises:
            RetryLater: something is not ready, a usage plan is used up, or there is more than one
                run's work. No worker waits for any of it.
            GrantRefused: the seller must consent again.
        """
        try:
            held_up = await self._move_on(sync)
        except GrantRefused:
            async with transaction(self.sessions, tenant=sync.user_id) as session:
                await mark_broken(session, Provider.AMAZON, user_id=sync.user_id, now=self.clock())
            raise
        left = await self._open_reports(sync)
        asked = sum(report.state == "requested" for report in left)
        waited = self.clock() - sync.started_at
        soon = {"requested": poll_pause(waited, asked=asked)}
        waits = [
            held_up.pop(report.report_key, soon.get(report.state, POLL_SECONDS)) for report in left
        ]
        if waits := [*waits, *held_up.values()]:
            raise RetryLater(min(waits), f"{len(waits)} reports are not read yet")

    async def _move_on(self, sync: SyncJob) -> dict[str, float]:
        """Answers what a usage plan holds up, and for how many seconds."""
        begun, held_up = self.clock(), dict[str, float]()
        late = begun - sync.started_at > GIVE_UP_AFTER
        granted = Granted(self.tokens, self.amazon, sync.user_id)
        amazon = self.amazon.of(sync.user_id)
        held_up |= await list_ready_made(self.sessions, amazon, granted, sync, begun, late=late)
        for report in await self._open_reports(sync):
            try:
                await self._advance(granted, sync, report)
            except Throttled as error:
                if late:
                    await self._change(sync, report, state="failed", note=HELD_BACK)
                else:
                    held_up[report.report_key] = error.wait_seconds
            except RetryLater as error:
                held_up[report.report_key] = error.after_seconds
            if (self.clock() - begun).total_seconds() > WORK_SECONDS:
                raise RetryLater(0, "more reports to read")
        return held_up

    async def _open_reports(self, sync: SyncJob) -> list[SyncReport]:
        async with transaction(self.sessions, tenant=sync.user_id) as session:
            reports = await queries.reports_of(session, user_id=sync.user_id, sync_id=sync.id)
        return [report for report in reports if report.state not in SETTLED]

    async def _advance(self, granted: Granted, sync: SyncJob, report: SyncReport) -> None:
        moves = {"pending": self._request, "requested": self._poll, "ready": self._read}
        try:
            await granted.call(partial(moves[report.state], sync, report))
        except AccessDenied:
            await self._change(sync, report, state="denied", note="Amazon grants no such report")
        except (RequestRefused, UnreadableReport) as error:
            await self._change(sync, report, state="failed", note=str(error)[:300])
        except (GrantRefused, Throttled, RetryLater):
            raise
        except Exception as error:
            if report.state != "ready":
                raise
            await self._try_again(sync, report, error)

    async def _try_again(self, sync: SyncJob, report: SyncReport, error: Exception) -> None:
        """A document that cannot be had holds up no other one, and in the end not its sync either."""
        failures = report.failures + 1
        _log.warning(
            "a document cannot be read",
            extra={"syncId": sync.id, "report": report.report_key, "failures": failures},
            exc_info=error,
        )
        if failures > len(READ_AGAIN_SECONDS):
            note = f"its document could not be read in {failures} tries: {_why(error)}"
            await self._change(sync, report, state="failed", failures=failures, note=note[:300])
            return
        await self._change(sync, report, failures=failures)
        raise RetryLater(READ_AGAIN_SECONDS[failures - 1], "its document is fetched once more")

    async def _request(self, sync: SyncJob, report: SyncReport, token: str) -> None:
        asking = Asking(self.sessions, self.clock)
        report_id = await asking.report_id(self.amazon.of(sync.user_id), token, sync, report)
        await self._change(sync, report, state="requested", report_id=report_id, note="")

    async def _poll(self, sync: SyncJob, report: SyncReport, token: str) -> None:
        made = await self.amazon.of(sync.user_id).report(token, report.report_id or "")
        match made.status:
            case "DONE":
                await self._change(sync, report, state="ready", document_id=made.document_id)
            case "CANCELLED":
                await self._ended(sync, report, state="no_data", note="nothing qualifies")
            case "FATAL":
                await self._ended(sync, report, state="failed", note="Amazon could not write it")
            case _ if self.clock() - sync.started_at > GIVE_UP_AFTER:
                await self._change(sync, report, state="failed", note=NEVER_READY)

    async def _ended(self, sync: SyncJob, report: SyncReport, *, state: str, note: str) -> None:
        """CANCELLED and FATAL also say "too soon": then what was read a short while ago stands."""
        every = written_anew_every(report.report_type)
        async with transaction(self.sessions, tenant=sync.user_id) as session:
            read = await queries.last_read(
                session,
                user_id=sync.user_id,
                report_type=report.report_type,
                marketplace_id=sync.marketplace_id,
                with_rows=True,
            )
        if read is not None and sync.started_at - read.started_at < every:
            minutes = int(every.total_seconds() // 60)
            state = "read"
            note = (
                f"as read at {read.started_at:%H:%M} UTC: Amazon writes it every {minutes} minutes"
            )
        await self._change(sync, report, state=state, note=note)

    async def _read(self, sync: SyncJob, report: SyncReport, token: str) -> None:
        name = f"{sync.id} {report.report_key}"
        read = await self.long_work.result(name, partial(self._download, sync, report, token))
        await self._change(sync, report, state="read", rows=read.rows, rejected=read.rejected)

    async def _download(self, sync: SyncJob, report: SyncReport, token: str) -> IngestedReport:
        document_id = report.document_id or ""
        with tempfile.TemporaryDirectory(prefix="opside-report-") as folder:
            content = Path(folder) / "document"
            charset = await self.amazon.of(sync.user_id).download(token, document_id, content)
            await self._refuse_ended(sync)
            packed = as_received(content)
            received = ReceivedReport(
                user_id=sync.user_id,
                sync_id=sync.id,
                report_type=report.report_type,
                marketplace_id=sync.marketplace_id,
                report_id=report.report_id or "",
                document_id=document_id,
                content=content,
                charset=charset,
                packed=packed if packed.exists() else None,
            )
            async with self._reading:
                return await ingest_report(self.sessions, self.archive, received)

    async def _refuse_ended(self, sync: SyncJob) -> None:
        """A download takes minutes: meanwhile its seller may have cancelled, disconnected or gone."""
        async with transaction(self.sessions, tenant=sync.user_id) as session:
            stored = await queries.sync_by_id(session, user_id=sync.user_id, sync_id=sync.id)
        if stored is None or stored.status != "running":
            raise RetryLater(0, "the sync has ended")

    async def _change(self, sync: SyncJob, report: SyncReport, **values: object) -> None:
        async with transaction(self.sessions, tenant=sync.user_id) as session:
            await queries.change_report(
                session, sync_id=sync.id, report_key=report.report_key, **values
            )


def _why(error: Exception) -> str:
    """What Amazon did, or what of ours failed; never the words of an unexpected error."""
    return str(error) if isinstance(error, AmazonUnavailable) else type(error).__name__
