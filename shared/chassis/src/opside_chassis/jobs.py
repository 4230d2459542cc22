"""Running staged jobs: one row, one handler, one outcome written back.

`relay.py` decides where a job runs (through Redis, or directly when Redis is away); this module runs it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind
from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis import outbox
from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import LostLease, RetryLater, StagedJob

JOB_TIMEOUT_SECONDS = 20.0
"""Shorter than the lease (`outbox.LEASE_SECONDS`), so that a running job is never handed out twice."""

Handler = Callable[[StagedJob], Awaitable[None]]
"""Does the work of one kind of job; bound to its runtime by the service's worker."""
OnParked = Callable[[AsyncSession, StagedJob, str], Awaitable[None]]
"""Called in the transaction that parks a job: opens a case for a human."""

logger = logging.getLogger(__name__)
tracer = trace.get_tracer(__name__)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A job staged once in every period of so many seconds, however many workers run."""

    kind: str
    every_seconds: int
    payload: Mapping[str, Any] = field(default_factory=dict)

    def dedupe_key(self, now: datetime) -> str:
        """Names the period that `now` lies in."""
        return f"schedule:{self.kind}:{int(now.timestamp()) // self.every_seconds}"


@dataclass(frozen=True, slots=True)
class Workshop:
    """Everything needed to run a service's jobs: its rows, a handler a kind, and who hears of the lost."""

    sessions: Sessions
    handlers: Mapping[str, Handler]
    on_parked: OnParked
    schedules: Sequence[Schedule] = ()


async def run_leased(workshop: Workshop, outbox_id: str, attempt: int) -> None:
    """Run one leased row. A duplicate or late delivery finds another attempt and does nothing."""
    async with transaction(workshop.sessions) as session:
        job = await outbox.load(session, outbox_id, attempt)
    if job is not None:
        await run_job(workshop, job)


async def run_job(workshop: Workshop, job: StagedJob) -> None:
    """Run a job under its lease and write its outcome back; never raises for a failing handler."""
    carrier = {"traceparent": job.trace_parent} if job.trace_parent else {}
    context = propagate.extract(carrier)
    with tracer.start_as_current_span(f"job {job.kind}", context, kind=SpanKind.CONSUMER):
        try:
            handler = workshop.handlers[job.kind]
            async with asyncio.timeout(JOB_TIMEOUT_SECONDS):
                await handler(job)
        except LostLease:
            logger.info("job was taken over", extra={"jobId": job.id, "kind": job.kind})
        except RetryLater as retry:
            async with transaction(workshop.sessions) as session:
                await outbox.postpone(session, job, retry)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is a failed attempt
            await _fail(workshop, job, error)
        else:
            async with transaction(workshop.sessions) as session:
                await outbox.finish(session, job)


async def _fail(workshop: Workshop, job: StagedJob, error: Exception) -> None:
    reason = f"{type(error).__name__}: {error}"
    logger.warning(
        "job failed",
        extra={"jobId": job.id, "kind": job.kind, "failures": job.failures + 1},
        exc_info=error,
    )
    async with transaction(workshop.sessions) as session:
        if await outbox.fail(session, job, reason):
            await workshop.on_parked(session, job, reason)


async def stage_schedules(workshop: Workshop, now: datetime) -> None:
    """Stage the jobs of the current periods; those that are staged already stay as they are."""
    async with transaction(workshop.sessions) as session:
        for schedule in workshop.schedules:
            await outbox.stage(
                session,
                schedule.kind,
                schedule.payload,
                dedupe_key=schedule.dedupe_key(now),
            )


async def drain(workshop: Workshop, *, ignore_due: bool = False, max_jobs: int = 1_000) -> int:
    """Run every due row here and now, and those they stage; answers how many ran.

    For tests and commands. `ignore_due` also runs rows that wait for a later moment; each row is
    then run at most once a call, so that one that always asks for a retry does not loop.
    """
    ran: set[str] = set()
    count = 0
    while count < max_jobs:
        async with transaction(workshop.sessions) as session:
            jobs = await outbox.lease_due(session, batch=1, ignore_due=ignore_due)
        if not jobs:
            return count
        job = jobs[0]
        if ignore_due and job.id in ran:
            async with transaction(workshop.sessions) as session:
                await outbox.postpone(session, job, RetryLater(0, "already run in this drain"))
            return count
        ran.add(job.id)
        await run_job(workshop, job)
        count += 1
    raise RuntimeError(f"more than {max_jobs} jobs: something stages itself for ever")
