"""One step of a sync, then the next as a job of its own: a restart goes on where it was."""

from dataclasses import dataclass

from sqlalchemy import func

from integrations_backend.amazon_api.errors import GrantRefused
from integrations_backend.archive import Archive
from integrations_backend.cases.detect import detect_claims
from integrations_backend.cases.link_costs import link_cost_documents
from integrations_backend.cases.record import record_cases
from integrations_backend.cases.recoveries import match_recoveries
from integrations_backend.detection.findings import Findings
from integrations_backend.invoices.book import book_costs
from integrations_backend.stripe_transactions.pull import Puller
from integrations_backend.stripe_transactions.record import record_transactions
from integrations_backend.sync import queries
from integrations_backend.sync.fetch import Fetcher
from integrations_backend.sync.models import SyncJob
from integrations_backend.sync.rules import STAGE, Step, following
from integrations_backend.sync.start import ADVANCE_SYNC
from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import RetryLater, StagedJob, fence, stage

LAST_TRY = 5
"""A step that failed so often ends the sync as failed; the seller sees why and can start again."""
LAST_DEATH = 10
"""A step whose workers died, or were cut off, so often does too: soon its job would be set aside (after
12 failures), and the sync would run for ever."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What the steps need."""

    sessions: Sessions
    fetcher: Fetcher
    archive: Archive
    stripe: Puller | None
    """None: this installation links no Stripe accounts."""

    async def advance(self, job: StagedJob) -> None:
        """Run the sync's current step; commit what came of it together with the next step.

        Raises:
            RetryLater: the step is not finished.
        """
        sync = await self._read(job)
        if sync is None or sync.status != "running" or sync.step != job.payload["step"]:
            return
        step = Step(sync.step)
        if job.failures >= LAST_DEATH:
            await self._end(job, sync, "failed", f"{STAGE[step]}: broke off {job.failures} times")
            return
        try:
            entry = await self._run(sync, step)
        except RetryLater:
            raise
        except GrantRefused:
            await self._end(job, sync, "failed", "Amazon withdrew the access: reconnect")
            return
        except Exception as error:
            if job.failures + 1 < LAST_TRY:
                raise
            await self._end(job, sync, "failed", f"{STAGE[step]}: {type(error).__name__}")
            return
        await self._next(job, sync, step, entry)

    async def _run(self, sync: SyncJob, step: Step) -> dict[str, object]:
        user_id, now = sync.user_id, self.fetcher.clock()
        match step:
            case Step.FETCH:
                await self.fetcher.run(sync)
                return await self._coverage(sync)
            case Step.NORMALIZE:
                findings = await self.fetcher.long_work.result(
                    f"{sync.id} {step}", lambda: self._detect(sync)
                )
                return {"claims": len(findings.claims), "losses": len(findings.losses)}
            case Step.CASES:
                cases = await record_cases(self.sessions, user_id=user_id, sync_id=sync.id)
                return {"cases": cases.total, "created": cases.created}
            case Step.COSTS:
                # Goods that were unknown when their invoice came may be in the reports by now.
                booked = await book_costs(self.sessions, self.archive, user_id=user_id)
                linked = booked + await link_cost_documents(self.sessions, user_id=user_id)
                return {"linked": linked}
            case Step.RECOVERIES:
                matched = await match_recoveries(
                    self.sessions, self.archive, user_id=user_id, now=now
                )
                stripe = await record_transactions(self.sessions, self.stripe, user_id=user_id)
                return {"reimbursements": matched, **stripe}
            case _:
                return {}

    async def _detect(self, sync: SyncJob) -> Findings:
        return await detect_claims(
            self.sessions,
            self.archive,
            user_id=sync.user_id,
            marketplace_id=sync.marketplace_id,
            source_id=sync.id,
            now=self.fetcher.clock(),
        )

    async def _coverage(self, sync: SyncJob) -> dict[str, object]:
        async with transaction(self.sessions, tenant=sync.user_id) as session:
            reports = await queries.reports_of(session, user_id=sync.user_id, sync_id=sync.id)
        return {
            "coverage": {
                report.report_key: {
                    "state": report.state,
                    "rows": report.rows,
                    "rejected": report.rejected,
                    "note": report.note,
                }
                for report in reports
                if report.report_key != "listed"
            }
        }

    async def _next(
        self, job: StagedJob, sync: SyncJob, step: Step, entry: dict[str, object]
    ) -> None:
        to = following(step)
        async with transaction(self.sessions, tenant=sync.user_id) as session:
            await fence(session, job)
            stored = await queries.sync_by_id(
                session, user_id=sync.user_id, sync_id=sync.id, lock=True
            )
            if stored is None or stored.status != "running":
                return
            stored.step = to.value
            if "cases" in entry:
                stored.total_cases = stored.processed_cases = int(str(entry["cases"]))
            if to is Step.FINISHED:
                stored.status = "done"
                stored.finished_at = func.now()
            await session.flush()
            await queries.note(session, sync.id, {"step": STAGE[step], **entry})
            if to is not Step.FINISHED:
                await stage(
                    session,
                    ADVANCE_SYNC,
                    {"syncId": sync.id, "step": to.value},
                    tenant=sync.user_id,
                )

    async def _end(self, job: StagedJob, sync: SyncJob, status: str, reason: str) -> None:
        async with transaction(self.sessions, tenant=sync.user_id) as session:
            await fence(session, job)
            stored = await queries.sync_by_id(
                session, user_id=sync.user_id, sync_id=sync.id, lock=True
            )
            if stored is not None and stored.status == "running":
                stored.status = status
                stored.finished_at = func.now()
                await session.flush()
                await queries.note(session, sync.id, {"step": status, "reason": reason})

    async def _read(self, job: StagedJob) -> SyncJob | None:
        user_id = job.tenant or ""
        async with transaction(self.sessions, tenant=user_id) as session:
            return await queries.sync_by_id(session, user_id=user_id, sync_id=job.payload["syncId"])
