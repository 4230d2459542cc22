"""A worker process told to stop, and one that dies at the worst moments."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from outbox_parts import expire_leases, stage_word, status
from sqlalchemy import text

from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.testing.engines import free_port
from opside_chassis.testing.plugin import MigratedDatabase

SCRIPT = Path(__file__).parent.parent / "worker_process.py"
SOON_SECONDS = 15
"""Shorter than `relay.STOP_SECONDS`, after which a worker leaves in any case."""


@pytest.fixture(params=["redis", "no redis"])
def queue_url(request: pytest.FixtureRequest, redis_url: str) -> str:
    return redis_url if request.param == "redis" else f"redis://127.0.0.1:{free_port()}/0"


@asynccontextmanager
async def worker(
    database: MigratedDatabase, redis_url: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), database.app_url, redis_url
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def reaches(sessions: Sessions, outbox_id: str, wanted: str, *, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while (await status(sessions, outbox_id))[0] != wanted:
            await asyncio.sleep(0.02)


async def notes(sessions: Sessions) -> list[str]:
    async with transaction(sessions, tenant=EVERY_TENANT) as session:
        return list(await session.scalars(text("SELECT words FROM notes")))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_told_to_stop_finishes_what_it_runs(
    migrated: MigratedDatabase,
    committed_sessions: Sessions,
    queue_url: str,
    number: signal.Signals,
) -> None:
    async with worker(migrated, queue_url) as process:
        staged = await stage_word(committed_sessions, "finished", "slow")
        await reaches(committed_sessions, staged, "leased")
        async with asyncio.timeout(60):
            while await status(committed_sessions, staged) != ("leased", 1):  # begun, not ended
                await asyncio.sleep(0.02)
        process.send_signal(number)
        assert await asyncio.wait_for(process.wait(), timeout=SOON_SECONDS) == 0
    assert await status(committed_sessions, staged) == ("done", 0)
    assert await notes(committed_sessions) == ["finished"]


async def test_an_idle_worker_stops_at_once(
    migrated: MigratedDatabase, committed_sessions: Sessions, queue_url: str
) -> None:
    async with worker(migrated, queue_url) as process:
        staged = await stage_word(committed_sessions, "it works")
        await reaches(committed_sessions, staged, "done")
        process.terminate()
        assert await asyncio.wait_for(process.wait(), timeout=SOON_SECONDS) == 0


@pytest.mark.parametrize("kind", ["die_before", "die_after"])
async def test_a_job_whose_worker_is_killed_ends_with_one_effect(
    migrated: MigratedDatabase, committed_sessions: Sessions, queue_url: str, kind: str
) -> None:
    staged = await stage_word(committed_sessions, "once", kind)
    async with worker(migrated, queue_url) as process:
        assert await asyncio.wait_for(process.wait(), timeout=60) == -signal.SIGKILL
    assert await status(committed_sessions, staged) == ("leased", 1)
    await expire_leases(committed_sessions)  # half a minute later
    async with worker(migrated, queue_url):
        await reaches(committed_sessions, staged, "done")
    assert await notes(committed_sessions) == ["once"]
