"""A worker as its own process, for tests that kill it. Its settings are arguments: database, Redis.

Handlers write to `notes` as a service writes to its tables: fenced, in a transaction of their own.
"""

import asyncio
import os
import signal
import sys

from schema_tables import SCHEMA
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.database import EVERY_TENANT, Database, Sessions, transaction
from opside_chassis.jobs import Handler, Workshop
from opside_chassis.outbox import StagedJob, fence
from opside_chassis.relay import Relay, run_worker

SLOW_SECONDS = 1.0
_NOTE = text(
    "INSERT INTO notes (id, user_id, words) VALUES (:id, 'usr_a', :words) ON CONFLICT DO NOTHING"
)


async def write_note(sessions: Sessions, job: StagedJob) -> None:
    """The effect, once however often it is tried: its id follows from the job."""
    async with transaction(sessions, tenant=EVERY_TENANT) as session:
        await fence(session, job)
        await session.execute(_NOTE, {"id": job.id, "words": job.payload["word"]})


def handlers(sessions: Sessions) -> dict[str, Handler]:
    async def note(job: StagedJob) -> None:
        await write_note(sessions, job)

    async def slow(job: StagedJob) -> None:
        await asyncio.sleep(SLOW_SECONDS)
        await write_note(sessions, job)

    async def die_before(job: StagedJob) -> None:
        if job.failures == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        await write_note(sessions, job)

    async def die_after(job: StagedJob) -> None:
        await write_note(sessions, job)
        if job.failures == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return {"note": note, "slow": slow, "die_before": die_before, "die_after": die_after}


async def nobody_hears(_session: AsyncSession, _job: StagedJob, _error: str) -> None:
    return None


async def work(database_url: str, redis_url: str) -> None:
    database = Database.connect(database_url, application_name="tests")
    workshop = Workshop(database.sessions, handlers(database.sessions), nobody_hears)
    await run_worker(
        Relay(
            service="tests",
            schema=SCHEMA,
            database=database,
            redis_url=redis_url,
            workshop=workshop,
        )
    )
    await database.close()


if __name__ == "__main__":
    asyncio.run(work(*sys.argv[1:]))
