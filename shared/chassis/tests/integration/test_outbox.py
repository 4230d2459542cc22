"""Staged work survives crashes, duplicates, a lost Redis and a slow worker."""

import asyncio
from collections.abc import Callable

import pytest
from schema_tables import SCHEMA
from sqlalchemy import text

from opside_chassis import outbox
from opside_chassis.database import Database, Sessions, transaction
from opside_chassis.jobs import Handler, Schedule, Workshop, drain, run_leased, stage_schedules
from opside_chassis.outbox import LostLease, RetryLater, StagedJob, fence, lease_due, stage
from opside_chassis.relay import Relay
from opside_chassis.testing.engines import EmbeddedRedis, free_port
from opside_chassis.testing.plugin import FrozenClock, MigratedDatabase


class Bench:
    """A workshop that remembers what it was asked to do."""

    def __init__(self, sessions: Sessions, **handlers: Handler) -> None:
        self.done: list[str] = []
        self.parked: list[str] = []
        self.workshop = Workshop(sessions, {"note": self.note} | handlers, self.on_parked)

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


async def lease_one(sessions: Sessions) -> StagedJob:
    async with transaction(sessions) as session:
        return (await lease_due(session, batch=1))[0]


async def expire_lease(sessions: Sessions) -> None:
    async with transaction(sessions) as session:
        await session.execute(text("UPDATE outbox SET lease_until = now() - interval '1 s'"))


async def eventually(condition: Callable[[], bool], *, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_staged_job_runs_once_and_is_done(sessions: Sessions) -> None:
    bench = Bench(sessions)
    staged = await stage_word(sessions, "hello")
    assert await drain(bench.workshop) == 1
    assert await drain(bench.workshop) == 0
    assert bench.done == ["hello"]
    assert await status(sessions, staged) == ("done", 0)


async def test_a_rolled_back_transaction_stages_nothing(committed_sessions: Sessions) -> None:
    bench = Bench(committed_sessions)
    with pytest.raises(ValueError, match="changed my mind"):
        async with transaction(committed_sessions) as session:
            await stage(session, "note", {"word": "never"})
            raise ValueError("changed my mind")
    assert await drain(bench.workshop) == 0


async def test_a_dedupe_key_stages_once(sessions: Sessions) -> None:
    async with transaction(sessions) as session:
        assert await stage(session, "note", {"word": "a"}, dedupe_key="k") is not None
        assert await stage(session, "note", {"word": "b"}, dedupe_key="k") is None


async def test_a_failing_job_waits_then_is_parked_with_a_case(sessions: Sessions) -> None:
    async def always_fails(_job: StagedJob) -> None:
        raise RuntimeError("no luck")

    bench = Bench(sessions, doomed=always_fails)
    staged = await stage_word(sessions, "x", "doomed")
    await drain(bench.workshop)
    assert await status(sessions, staged) == ("waiting", 1)
    for _ in range(outbox.MAX_FAILURES):
        await drain(bench.workshop, ignore_due=True)
    assert await status(sessions, staged) == ("parked", outbox.MAX_FAILURES)
    assert bench.parked == ["doomed: RuntimeError: no luck"]


async def test_an_unknown_kind_fails_loudly(sessions: Sessions) -> None:
    bench = Bench(sessions)
    staged = await stage_word(sessions, "x", "unheard-of")
    await drain(bench.workshop)
    assert await status(sessions, staged) == ("waiting", 1)


async def test_asking_for_a_later_try_is_not_a_failure(sessions: Sessions) -> None:
    async def not_yet(_job: StagedJob) -> None:
        raise RetryLater(60, "report not ready")

    bench = Bench(sessions, poll=not_yet)
    staged = await stage_word(sessions, "x", "poll")
    assert await drain(bench.workshop) == 1
    assert await status(sessions, staged) == ("waiting", 0)


async def test_a_worker_that_lost_its_lease_is_fenced_off(committed_sessions: Sessions) -> None:
    await stage_word(committed_sessions, "x")
    slow = await lease_one(committed_sessions)
    await expire_lease(committed_sessions)
    quick = await lease_one(committed_sessions)
    assert quick.attempt == slow.attempt + 1
    with pytest.raises(LostLease):
        async with transaction(committed_sessions) as session:
            await fence(session, slow)
    async with transaction(committed_sessions) as session:
        await fence(session, quick)


async def test_a_crash_counts_as_a_failure_and_the_row_is_handed_out_again(
    committed_sessions: Sessions,
) -> None:
    bench = Bench(committed_sessions)
    staged = await stage_word(committed_sessions, "again")
    await lease_one(committed_sessions)  # and the worker dies here
    assert await drain(bench.workshop) == 0
    await expire_lease(committed_sessions)
    assert await drain(bench.workshop) == 1
    assert await status(committed_sessions, staged) == ("done", 1)


async def test_a_late_delivery_of_an_old_attempt_does_nothing(
    committed_sessions: Sessions,
) -> None:
    bench = Bench(committed_sessions)
    await stage_word(committed_sessions, "once")
    job = await lease_one(committed_sessions)
    await run_leased(bench.workshop, job.id, job.attempt)
    await run_leased(bench.workshop, job.id, job.attempt)
    assert bench.done == ["once"]


async def test_two_workers_never_take_the_same_row(committed_sessions: Sessions) -> None:
    bench = Bench(committed_sessions)
    for number in range(60):
        await stage_word(committed_sessions, str(number))
    await asyncio.gather(*(drain(bench.workshop) for _ in range(4)))
    assert sorted(bench.done, key=int) == [str(number) for number in range(60)]


async def test_a_schedule_is_staged_once_a_period(sessions: Sessions, clock: FrozenClock) -> None:
    bench = Bench(sessions)
    schedule = Schedule("note", 60, {"word": "tick"})
    workshop = Workshop(sessions, bench.workshop.handlers, bench.on_parked, (schedule,))
    for _ in range(3):
        await stage_schedules(workshop, clock())
    clock.advance(seconds=60)
    await stage_schedules(workshop, clock())
    await drain(workshop)
    assert bench.done == ["tick", "tick"]


def relay_for(database: Database, redis_url: str, workshop: Workshop) -> Relay:
    return Relay(
        service="tests", schema=SCHEMA, database=database, redis_url=redis_url, workshop=workshop
    )


async def test_the_relay_runs_jobs_from_postgres_when_redis_is_gone(
    committed_database: Database,
) -> None:
    bench = Bench(committed_database.sessions)
    nobody_listens = f"redis://127.0.0.1:{free_port()}/0"
    relay = relay_for(committed_database, nobody_listens, bench.workshop)
    running = asyncio.create_task(relay.run())
    for number in range(20):
        await stage_word(committed_database.sessions, str(number))
    await eventually(lambda: len(bench.done) == 20)
    relay.stop()
    await running


async def test_a_new_row_wakes_the_relay_at_once(committed_database: Database) -> None:
    bench = Bench(committed_database.sessions)
    relay = relay_for(committed_database, f"redis://127.0.0.1:{free_port()}/0", bench.workshop)
    running = asyncio.create_task(relay.run())
    await asyncio.sleep(1.5)  # connected and asleep
    await stage_word(committed_database.sessions, "quick")
    await eventually(lambda: bench.done == ["quick"], seconds=0.9)  # less than one sweep
    relay.stop()
    await running


async def test_the_whole_worker_survives_redis_coming_and_going(
    committed_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from opside_chassis import relay as relay_module  # noqa: PLC0415 - its queue loop alone

    bench = Bench(committed_database.sessions)
    redis = EmbeddedRedis(tmp_path_factory.mktemp("redis")).start()
    relay = relay_for(committed_database, redis.url, bench.workshop)
    stopping = asyncio.Event()
    tasks = [
        asyncio.create_task(relay.run()),
        asyncio.create_task(relay_module._run_queue(relay, stopping)),
    ]
    await stage_word(committed_database.sessions, "with redis")
    await eventually(lambda: bench.done == ["with redis"])
    redis.stop()
    await stage_word(committed_database.sessions, "without")
    await eventually(lambda: "without" in bench.done)
    restarted = EmbeddedRedis(tmp_path_factory.mktemp("redis"), port=redis.port).start()
    await stage_word(committed_database.sessions, "again")
    await eventually(lambda: "again" in bench.done, seconds=20)
    relay.stop()
    stopping.set()
    await asyncio.wait_for(asyncio.gather(*tasks), timeout=25)
    restarted.stop()


async def test_an_illegal_status_is_refused_by_the_database(
    migrated: MigratedDatabase, committed_sessions: Sessions
) -> None:
    await stage_word(committed_sessions, "x")
    with pytest.raises(Exception, match="ck_outbox_status"):
        async with transaction(committed_sessions) as session:
            await session.execute(text("UPDATE outbox SET status = 'vanished'"))
