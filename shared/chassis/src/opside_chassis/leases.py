"""Handing out staged rows and writing back how they went; for `jobs.py` and `relay.py` alone.

Every statement names the attempt it speaks for, and changes nothing when that is not the current one.
All time is the database's, so that the clocks of workers do not matter. What every job needs (`begin`,
`finish`) is one statement on the bare driver; the rest shares a transaction with what goes with it.
"""

import json
from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.driver_pool import DriverPool
from opside_chassis.outbox import RetryLater, StagedJob

LEASE_SECONDS = 30
"""Longer than any job may run (`jobs.JOB_TIMEOUT_SECONDS`), so that a live worker keeps its row."""
BACKOFF_SECONDS = (2, 10, 60, 300, 1800)
"""Waits after the first failures; every later one waits LONGEST_BACKOFF_SECONDS."""
LONGEST_BACKOFF_SECONDS = 3600
MAX_FAILURES = 12
"""After so many failures a row is parked, and a human is asked."""
LONGEST_ERROR_CHARS = 500

# Two index scans instead of one OR: the cost stays the same however many rows wait or are done.
# MATERIALIZED, because a subquery that the planner runs again would take more rows than its limit.
_LEASE = text(
    """
    WITH late AS MATERIALIZED (
        SELECT id FROM outbox
         WHERE status = 'leased' AND lease_until < now() AND id <> ALL(CAST(:except_ids AS text[]))
         ORDER BY lease_until LIMIT :batch FOR UPDATE SKIP LOCKED
    ), due AS MATERIALIZED (
        SELECT id FROM outbox
         WHERE status = 'waiting' AND id <> ALL(CAST(:except_ids AS text[]))
           AND due_at <= CASE WHEN CAST(:ignore_due AS boolean) THEN 'infinity' ELSE now() END
         ORDER BY due_at LIMIT :batch - (SELECT count(*) FROM late) FOR UPDATE SKIP LOCKED
    ), leased AS (
        UPDATE outbox o
           SET status = 'leased', attempt = attempt + 1,
               lease_until = now() + make_interval(secs => :lease_seconds)
          FROM (SELECT id FROM late UNION ALL SELECT id FROM due) taken
         WHERE o.id = taken.id
        RETURNING o.*
    )
    SELECT * FROM leased ORDER BY due_at, id
    """
)


async def lease_due(
    session: AsyncSession,
    *,
    batch: int,
    ignore_due: bool = False,
    except_ids: Collection[str] = (),
) -> list[StagedJob]:
    """Take due rows, and rows whose lease ran out, under a fresh lease and attempt number."""
    parameters = {
        "batch": batch,
        "lease_seconds": LEASE_SECONDS,
        "ignore_due": ignore_due,
        "except_ids": list(except_ids),
    }
    rows = await session.execute(_LEASE, parameters)
    return [StagedJob.from_row(row) for row in rows]


# The run counts as failed until it ends: should its worker die, the count is already right.
_BEGIN = """
    UPDATE outbox
       SET attempt = attempt + 1, failures = failures + 1,
           lease_until = now() + make_interval(secs => $3)
     WHERE id = $1 AND attempt = $2 AND status = 'leased'
    RETURNING id, kind, payload, tenant, attempt, failures - 1 AS failures, trace_parent, dedupe_key
"""


async def begin(driver: DriverPool, outbox_id: str, attempt: int) -> StagedJob | None:
    """Take up a handed-out row with a full lease, under a number of this run's own.

    None for a repeated or late delivery: that hand-out was begun, or handed out again, already.
    """
    row = await driver.fetchrow(_BEGIN, outbox_id, attempt, LEASE_SECONDS)
    return None if row is None else StagedJob(**{**row, "payload": json.loads(row["payload"])})


async def give_back(session: AsyncSession, jobs: Collection[StagedJob]) -> None:
    """Return rows that were leased but not begun; they stay due as they were."""
    await session.execute(
        text(
            "UPDATE outbox SET status = 'waiting', lease_until = NULL"
            " WHERE (id, attempt) IN (SELECT * FROM unnest(CAST(:ids AS text[]),"
            " CAST(:attempts AS bigint[]))) AND status = 'leased'"
        ),
        {"ids": [job.id for job in jobs], "attempts": [job.attempt for job in jobs]},
    )


_FINISH = """
    UPDATE outbox
       SET status = 'done', finished_at = now(), lease_until = NULL, failures = failures - 1
     WHERE id = $1 AND attempt = $2 AND status = 'leased'
"""


async def finish(driver: DriverPool, job: StagedJob) -> None:
    """Mark the job done, if this attempt still holds it."""
    await driver.execute(_FINISH, job.id, job.attempt)


async def postpone(session: AsyncSession, job: StagedJob, retry: RetryLater) -> None:
    """Put the job back as its handler asked; not counted as a failure."""
    await _put_back(session, job, after_seconds=retry.after_seconds, error=str(retry), failed=False)


async def fail(
    session: AsyncSession, job: StagedJob, error: str, *, longest_wait_seconds: float | None = None
) -> bool:
    """Let the run count as failed and put the job back, or park it after MAX_FAILURES.

    True when it was parked. `longest_wait_seconds` caps the back-off (a schedule's own period).
    """
    failures = job.failures + 1
    if failures >= MAX_FAILURES:
        return await park(session, job, error)
    wait_seconds = float(backoff_seconds(failures))
    if longest_wait_seconds is not None:
        wait_seconds = min(wait_seconds, longest_wait_seconds)
    await _put_back(session, job, after_seconds=wait_seconds, error=error, failed=True)
    return False


async def park(session: AsyncSession, job: StagedJob, error: str) -> bool:
    """Set the job aside for a human; False when this attempt holds it no longer."""
    parked = await session.execute(
        text(
            "UPDATE outbox SET status = 'parked', finished_at = now(), lease_until = NULL,"
            " last_error = :error"
            " WHERE id = :id AND attempt = :attempt AND status = 'leased' RETURNING id"
        ),
        {"id": job.id, "attempt": job.attempt, "error": error[:LONGEST_ERROR_CHARS]},
    )
    return parked.first() is not None


def backoff_seconds(failures: int) -> int:
    """How long to wait after the n-th failure, in seconds."""
    if failures <= len(BACKOFF_SECONDS):
        return BACKOFF_SECONDS[failures - 1]
    return LONGEST_BACKOFF_SECONDS


async def _put_back(
    session: AsyncSession, job: StagedJob, *, after_seconds: float, error: str, failed: bool
) -> None:
    await session.execute(
        text(
            "UPDATE outbox SET status = 'waiting', lease_until = NULL, last_error = :error,"
            " failures = failures - :forgiven, due_at = now() + make_interval(secs => :after)"
            " WHERE id = :id AND attempt = :attempt AND status = 'leased'"
        ),
        {
            "id": job.id,
            "attempt": job.attempt,
            "after": max(0.0, float(after_seconds)),
            "error": error[:LONGEST_ERROR_CHARS],
            "forgiven": 0 if failed else 1,
        },
    )
