"""Running staged jobs: one row, one handler, one outcome written back.

`relay.py` decides where a job runs (through Redis, or directly when Redis is away); this module runs it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from opentelemetry import metrics, propagate, trace
from opentelemetry.trace import SpanKind, StatusCode
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis import leases, outbox
from opside_chassis.database import EVERY_TENANT, Sessions, driver_beside, transaction
from opside_chassis.outbox import LostLease, RetryLater, StagedJob

JOB_TIMEOUT_SECONDS = 20.0
"""Shorter than the lease (`leases.LEASE_SECONDS`), so that a running job is never handed out twice."""

Handler = Callable[[StagedJob], Awaitable[None]]
"""Does the work of one kind of job; bound to its runtime by the service's worker."""
OnParked = Callable[[AsyncSession, StagedJob, str], Awaitable[None]]
"""Called in the transaction that parks a job: opens a case for a human."""

logger = logging.getLogger(__name__)
tracer = trace.get_tracer(__name__)
meter = metrics.get_meter(__name__)
finished_jobs = meter.create_counter(
    "opside.jobs.finished", unit="{job}", description="Runs of jobs by kind and outcome"
)
job_seconds = meter.create_histogram(
    "opside.jobs.duration", unit="s", description="How long a run of a job took"
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A job staged once in every period of so many seconds, however many workers run."""

    kind: str
    every_seconds: int
    payload: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key_prefix(self) -> str:
        """How the dedupe keys of all its jobs begin."""
        return f"schedule:{self.kind}:"

    def dedupe_key(self, now: datetime) -> str:
        """Names the period that `now` lies in."""
        return f"{self.key_prefix}{int(now.timestamp()) // self.every_seconds}"


@dataclass(frozen=True, slots=True)
class Workshop:
    """Everything needed to run a service's jobs: its rows, a handler a kind, and who hears of the parked."""

    sessions: Sessions
    handlers: Mapping[str, Handler]
    on_parked: OnParked
    schedules: Sequence[Schedule] = ()

    def period_seconds(self, job: StagedJob) -> int | None:
        """The period of the schedule that a job comes from; None for any other job."""
        key = job.dedupe_key or ""
        return next(
            (s.every_seconds for s in self.schedules if key.startswith(s.key_prefix)),
            None,
        )


async def run_leased(workshop: Workshop, outbox_id: str, attempt: int) -> None:
    """Run one handed-out row. A repeated or late delivery finds another attempt and does nothing."""
    job = await leases.begin(driver_beside(workshop.sessions), outbox_id, attempt)
    if job is None:
        return
    if job.failures >= leases.MAX_FAILURES:
        # Only workers that died leave so many: a handler's own last failure parks the row.
        await _park(workshop, job, "every worker that ran it died")
        return
    await _run(workshop, job)


async def _run(workshop: Workshop, job: StagedJob) -> None:
    """Run a job under its lease and write its outcome back; never raises for a failing handler."""
    carrier = {"traceparent": job.trace_parent} if job.trace_parent else {}
    context = propagate.extract(carrier)
    started = time.monotonic()
    outcome = "done"
    with tracer.start_as_current_span(f"job {job.kind}", context, kind=SpanKind.CONSUMER) as span:
        try:
            handler = workshop.handlers[job.kind]
            async with asyncio.timeout(JOB_TIMEOUT_SECONDS):
                await handler(job)
        except LostLease:
            outcome = "taken_over"
            logger.info("job was taken over", extra={"jobId": job.id, "kind": job.kind})
        except RetryLater as retry:
            outcome = "postponed"
            async with transaction(workshop.sessions) as session:
                await leases.postpone(session, job, retry)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is a failed attempt
            outcome = "failed"
            span.record_exception(error)
            span.set_status(StatusCode.ERROR)
            await _fail(workshop, job, error)
        else:
            await leases.finish(driver_beside(workshop.sessions), job)
    finished_jobs.add(1, {"kind": job.kind, "outcome": outcome})
    job_seconds.record(time.monotonic() - started, {"kind": job.kind})


async def _fail(workshop: Workshop, job: StagedJob, error: Exception) -> None:
    reason = f"{type(error).__name__}: {error}"
    logger.warning(
        "job failed",
        extra={"jobId": job.id, "kind": job.kind, "failures": job.failures + 1},
        exc_info=error,
    )
    # A job of a schedule is due again every period anyway: an hourly back-off would hold it up.
    cap = workshop.period_seconds(job)
    async with transaction(workshop.sessions, tenant=EVERY_TENANT) as session:
        if await leases.fail(session, job, reason, longest_wait_seconds=cap):
            await workshop.on_parked(session, job, reason)


async def _park(workshop: Workshop, job: StagedJob, reason: str) -> None:
    async with transaction(workshop.sessions, tenant=EVERY_TENANT) as session:
        if await leases.park(session, job, reason):
            await workshop.on_parked(session, job, reason)


_UNFINISHED = text(
    "SELECT 1 FROM outbox WHERE status IN ('waiting', 'leased')"
    " AND starts_with(dedupe_key, :prefix) LIMIT 1"
)


async def stage_schedules(
    workshop: Workshop, now: datetime, *, among: Sequence[Schedule] | None = None
) -> None:
    """Stage the jobs of the current periods; those that are staged already stay as they are.

    While the job of an earlier period is unfinished no further one is staged: during an outage they
    would pile up, and all be parked.
    """
    async with transaction(workshop.sessions) as session:
        for schedule in workshop.schedules if among is None else among:
            prefix = {"prefix": schedule.key_prefix}
            if (await session.execute(_UNFINISHED, prefix)).first() is not None:
                continue
            await outbox.stage(
                session, schedule.kind, schedule.payload, dedupe_key=schedule.dedupe_key(now)
            )


async def drain(workshop: Workshop, *, ignore_due: bool = False, max_jobs: int = 1_000) -> int:
    """Run every due row here and now, and those they stage; answers how many ran.

    For tests and commands. `ignore_due` also runs rows that wait for a later moment; each row is
    then run at most once a call, so that one that always asks for a retry does not loop.
    """
    ran: list[str] = []
    while len(ran) < max_jobs:
        async with transaction(workshop.sessions) as session:
            jobs = await leases.lease_due(
                session, batch=1, ignore_due=ignore_due, except_ids=ran if ignore_due else ()
            )
        if not jobs:
            return len(ran)
        ran.append(jobs[0].id)
        await run_leased(workshop, jobs[0].id, jobs[0].attempt)
    raise RuntimeError(f"more than {max_jobs} jobs: something stages itself for ever")
