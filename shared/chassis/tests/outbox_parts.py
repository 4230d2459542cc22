"""What the tests of staged work share."""

import asyncio
from collections import Counter
from collections.abc import Callable

from schema_tables import SCHEMA
from sqlalchemy import text

from opside_chassis.database import Database, Sessions, transaction
from opside_chassis.jobs import Handler, Schedule, Workshop
from opside_chassis.leases import lease_due
from opside_chassis.outbox import StagedJob, stage
from opside_chassis.relay import Relay


class Bench:
    """A workshop that remembers what it was asked to do."""

    def __init__(
        self, sessions: Sessions, *schedules: Schedule, handlers: dict[str, Handler] | None = None
    ) -> None:
        self.done: list[str] = []
        self.parked: list[str] = []
        self.workshop = Workshop(
            sessions, {"note": self.note} | (handlers or {}), self.on_parked, schedules
        )

    async def note(self, job: StagedJob) -> None:
        self.done.append(job.payload["word"])

    async def on_parked(self, _session: object, job: StagedJob, error: str) -> None:
        self.parked.append(f"{job.kind}: {error}")


async def stage_word(sessions: Sessions, word: str, kind: str = "note") -> str:
    async with transaction(sessions) as session:
        staged = await stage(session, kind, {"word": word})
    assert staged is not None
    return staged


async def status(sessions: Sessions, outbox_id: str) -> tuple[str, int]:
    async with transaction(sessions) as session:
        row = await session.execute(
            text("SELECT status, failures FROM outbox WHERE id = :id"), {"id": outbox_id}
        )
        return tuple(row.one())


async def queue_counts(sessions: Sessions) -> Counter[str]:
    """How many rows there are of each status."""
    async with transaction(sessions) as session:
        found = await session.execute(text("SELECT status, count(*) n FROM outbox GROUP BY status"))
        return Counter({row.status: row.n for row in found})


async def lease_one(sessions: Sessions) -> StagedJob:
    async with transaction(sessions) as session:
        return (await lease_due(session, batch=1))[0]


async def set_rows(sessions: Sessions, assignment: str) -> None:
    """Change rows behind everybody's back, as time and crashes do."""
    async with transaction(sessions) as session:
        await session.execute(text(f"UPDATE outbox SET {assignment}"))  # noqa: S608


async def expire_leases(sessions: Sessions) -> None:
    await set_rows(sessions, "lease_until = now() - interval '1 s'")


async def eventually(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def relay_for(database: Database, redis_url: str, workshop: Workshop) -> Relay:
    return Relay(
        service="tests", schema=SCHEMA, database=database, redis_url=redis_url, workshop=workshop
    )
