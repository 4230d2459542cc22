"""The relay and the queue: quick while Redis is there, and whole when it is gone, wiped or silent."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from outbox_parts import (
    Bench,
    eventually,
    expire_leases,
    queue_counts,
    relay_for,
    set_rows,
    stage_word,
    status,
)
from redis.asyncio import Redis
from sqlalchemy import text

from opside_chassis import job_queue, leases, relay
from opside_chassis.database import Database, Sessions, transaction
from opside_chassis.job_queue import QueueWorker
from opside_chassis.jobs import Schedule, Workshop
from opside_chassis.outbox import StagedJob, stage
from opside_chassis.relay import Relay
from opside_chassis.testing.engines import EmbeddedRedis, free_port


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis of the test's own, to be wiped, stopped and frozen."""
    with EmbeddedRedis(tmp_path / "redis") as server:
        yield server


@asynccontextmanager
async def working(database: Database, redis_url: str, workshop: Workshop) -> AsyncIterator[Relay]:
    """A worker's two halves, without its signals."""
    handing_out = relay_for(database, redis_url, workshop)
    queue = QueueWorker(redis_url, handing_out.queue_name, workshop)
    tasks = [asyncio.create_task(handing_out.run()), asyncio.create_task(queue.run())]
    try:
        yield handing_out
    finally:
        handing_out.stop()
        queue.stop()
        await asyncio.wait_for(asyncio.gather(*tasks), timeout=25)


def nowhere() -> str:
    return f"redis://127.0.0.1:{free_port()}/0"


async def all_done(sessions: Sessions, *, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while True:
            counts = await queue_counts(sessions)
            if counts["waiting"] == counts["leased"] == 0:
                return
            await asyncio.sleep(0.05)


async def test_jobs_run_from_postgres_when_redis_is_gone(committed_database: Database) -> None:
    bench = Bench(committed_database.sessions)
    async with working(committed_database, nowhere(), bench.workshop):
        for number in range(30):
            await stage_word(committed_database.sessions, str(number))
        await all_done(committed_database.sessions)
    assert sorted(bench.done, key=int) == [str(number) for number in range(30)]


async def test_jobs_go_through_redis_when_it_is_there(
    committed_database: Database, redis_server: EmbeddedRedis
) -> None:
    sessions = committed_database.sessions
    bench = Bench(sessions)
    handing_out = relay_for(committed_database, redis_server.url, bench.workshop)
    staged = await stage_word(sessions, "queued")
    await handing_out.sweep()
    assert bench.done == []
    async with Redis.from_url(redis_server.url) as redis:
        ids = await redis.zrange(handing_out.queue_name, 0, -1)
        assert ids == [f"{staged}:1".encode()]
        assert b"queued" not in await redis.get(f"arq:job:{staged}:1")  # ids only
    async with working(committed_database, redis_server.url, bench.workshop):
        await all_done(sessions)
    assert bench.done == ["queued"]
    async with Redis.from_url(redis_server.url) as redis:
        assert [key for key in await redis.keys("*") if b"health" not in key] == []


@pytest.mark.parametrize("with_redis", [True, False])
async def test_a_new_row_is_run_at_once_and_not_at_the_next_sweep(
    committed_database: Database,
    redis_server: EmbeddedRedis,
    monkeypatch: pytest.MonkeyPatch,
    *,
    with_redis: bool,
) -> None:
    monkeypatch.setattr(relay, "SWEEP_SECONDS", 600)
    bench = Bench(committed_database.sessions)
    url = redis_server.url if with_redis else nowhere()
    async with working(committed_database, url, bench.workshop):
        await stage_word(committed_database.sessions, "warm up")
        await eventually(lambda: len(bench.done) == 1)
        for number in range(5):
            await asyncio.sleep(0.12)  # asleep between two sweeps
            await stage_word(committed_database.sessions, str(number))
            await eventually(lambda: bench.done[-1] == str(number))  # noqa: B023


async def test_a_wiped_redis_costs_latency_only(
    committed_database: Database, redis_server: EmbeddedRedis
) -> None:
    sessions = committed_database.sessions
    bench = Bench(sessions)
    handing_out = relay_for(committed_database, redis_server.url, bench.workshop)
    for number in range(10):
        await stage_word(sessions, str(number))
    await handing_out.sweep()
    async with Redis.from_url(redis_server.url) as redis:
        assert await redis.zcard(handing_out.queue_name) == 10
        await redis.flushall()
    await expire_leases(sessions)  # half a minute later
    async with working(committed_database, redis_server.url, bench.workshop):
        await all_done(sessions)
    assert sorted(bench.done, key=int) == [str(number) for number in range(10)]


async def test_redis_comes_and_goes_under_a_running_worker(
    committed_database: Database, tmp_path: Path
) -> None:
    sessions = committed_database.sessions
    bench = Bench(sessions)
    first = EmbeddedRedis(tmp_path / "first").start()
    second = EmbeddedRedis(tmp_path / "second", port=first.port)
    async with working(committed_database, first.url, bench.workshop):
        await stage_word(sessions, "with redis")
        await eventually(lambda: "with redis" in bench.done)
        first.stop()
        await stage_word(sessions, "without")
        await eventually(lambda: "without" in bench.done)
        second.start()
        await asyncio.sleep(relay.REDIS_RETRY_SECONDS + 0.5)
        await stage_word(sessions, "again")
        await eventually(lambda: "again" in bench.done)
        await all_done(sessions)
        async with Redis.from_url(second.url) as redis:
            assert int((await redis.info("stats"))["total_commands_processed"]) > 20
    second.stop()
    assert sorted(bench.done) == ["again", "with redis", "without"]


async def test_a_silent_redis_holds_nothing_up(
    committed_database: Database,
    redis_server: EmbeddedRedis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It takes connections and answers nothing: the hardest way of being away."""
    monkeypatch.setattr(relay, "ENQUEUE_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(job_queue, "ANSWER_TIMEOUT_SECONDS", 0.5)
    sessions = committed_database.sessions
    bench = Bench(sessions)
    assert redis_server.pid is not None
    async with working(committed_database, redis_server.url, bench.workshop):
        await stage_word(sessions, "before")
        await eventually(lambda: "before" in bench.done)
        os.kill(redis_server.pid, signal.SIGSTOP)
        try:
            await stage_word(sessions, "meanwhile")
            await eventually(lambda: "meanwhile" in bench.done)
        finally:
            os.kill(redis_server.pid, signal.SIGCONT)
        await asyncio.sleep(relay.REDIS_RETRY_SECONDS)
        await stage_word(sessions, "after")
        await eventually(lambda: "after" in bench.done)
        await all_done(sessions)
    assert sorted(bench.done) == ["after", "before", "meanwhile"]


async def test_a_connection_that_fell_silent_is_given_up(
    committed_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a worker whose Redis machine vanished would wait for it for a quarter of an hour."""
    monkeypatch.setattr(job_queue, "ANSWER_TIMEOUT_SECONDS", 0.2)
    workshop = Bench(committed_database.sessions).workshop
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        queue = QueueWorker(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", "q", workshop)
        await asyncio.wait_for(queue._run_once(), timeout=60)


async def test_a_crowd_is_not_all_put_into_the_queue_at_once(
    committed_database: Database, redis_server: EmbeddedRedis
) -> None:
    """Rows that wait in Redis longer than their lease would be handed out again and again."""
    sessions = committed_database.sessions
    async with transaction(sessions) as session:
        for number in range(200):
            await stage(session, "note", {"word": str(number)})
    bench = Bench(sessions)
    handing_out = relay_for(committed_database, redis_server.url, bench.workshop)
    for _ in range(5):
        await handing_out.sweep()
    async with Redis.from_url(redis_server.url) as redis:
        assert await redis.zcard(handing_out.queue_name) == relay.QUEUE_DEPTH
    async with working(committed_database, redis_server.url, bench.workshop):
        await all_done(sessions)
    assert sorted(bench.done, key=int) == [str(number) for number in range(200)]


async def test_when_redis_fails_in_the_middle_what_does_not_fit_is_given_back(
    committed_database: Database,
) -> None:
    sessions = committed_database.sessions
    release = asyncio.Event()

    async def wait(_job: StagedJob) -> None:
        await release.wait()

    for number in range(20):
        await stage_word(sessions, str(number), "wait")
    bench = Bench(sessions, handlers={"wait": wait})
    handing_out = relay_for(committed_database, nowhere(), bench.workshop)
    async with transaction(sessions) as session:
        jobs = await leases.lease_due(session, batch=20)
    await handing_out._hand_out(jobs)
    counts = await queue_counts(sessions)
    assert counts["leased"] == relay.MAX_DIRECT_JOBS
    assert counts["waiting"] == 20 - relay.MAX_DIRECT_JOBS
    release.set()
    await asyncio.gather(*handing_out._direct)


async def test_two_workers_on_one_queue_run_everything_once(
    committed_database: Database, redis_server: EmbeddedRedis
) -> None:
    sessions = committed_database.sessions
    bench = Bench(sessions)
    async with (
        working(committed_database, redis_server.url, bench.workshop),
        working(committed_database, redis_server.url, bench.workshop),
    ):
        for number in range(80):
            await stage_word(sessions, str(number))
        await all_done(sessions)
    assert sorted(bench.done, key=int) == [str(number) for number in range(80)]


async def test_the_relay_survives_a_lost_database_connection(
    committed_database: Database, migrated_admin: Database
) -> None:
    bench = Bench(committed_database.sessions)
    async with working(committed_database, nowhere(), bench.workshop):
        await stage_word(committed_database.sessions, "before")
        await eventually(lambda: "before" in bench.done)
        async with migrated_admin.engine.begin() as connection:
            await connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND usename LIKE '%\\_app'"
                )
            )
        await asyncio.sleep(0.1)  # until the loop has heard that its connections are closed
        await stage_word(committed_database.sessions, "after")
        await eventually(lambda: "after" in bench.done)


async def test_schedules_run_while_the_worker_does(
    committed_database: Database, redis_server: EmbeddedRedis
) -> None:
    bench = Bench(committed_database.sessions, Schedule("note", 3_600, {"word": "tick"}))
    async with (
        working(committed_database, redis_server.url, bench.workshop),
        working(committed_database, redis_server.url, bench.workshop),
    ):
        await eventually(lambda: bench.done == ["tick"])
        await asyncio.sleep(1.2)
    assert bench.done == ["tick"]


async def test_old_rows_go_but_keys_of_the_business_stay(committed_database: Database) -> None:
    sessions = committed_database.sessions
    async with transaction(sessions) as session:
        await stage(session, "note", {"word": "plain"})
        await stage(session, "note", {"word": "tick"}, dedupe_key="schedule:note:1")
        await stage(session, "note", {"word": "kept"}, dedupe_key="charge rec_1")
    fresh = await stage_word(sessions, "fresh")
    await set_rows(sessions, "status = 'done', finished_at = now() - interval '8 days'")
    async with transaction(sessions) as session:
        await session.execute(
            text("UPDATE outbox SET finished_at = now() WHERE id = :id"), {"id": fresh}
        )
    bench = Bench(sessions)
    await relay_for(committed_database, nowhere(), bench.workshop).sweep()
    async with transaction(sessions) as session:
        words = await session.scalars(text("SELECT payload->>'word' FROM outbox"))
        assert sorted(words) == ["fresh", "kept"]
    assert (await status(sessions, fresh))[0] == "done"
