"""Staged work survives crashes, duplicates and slow workers; nothing is lost, nothing runs twice at once."""

import asyncio
import time

import asyncpg
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from outbox_parts import (
    Bench,
    eventually,
    expire_leases,
    lease_one,
    queue_counts,
    set_rows,
    stage_word,
    status,
)
from schema_tables import SCHEMA
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from opside_chassis import leases
from opside_chassis.database import EVERY_TENANT, Sessions, driver_beside, transaction
from opside_chassis.jobs import Schedule, drain, run_leased, stage_schedules
from opside_chassis.outbox import (
    WAKE_EVERY_MS,
    LostLease,
    RetryLater,
    StagedJob,
    current_trace_parent,
    fence,
    outbox_channel,
    stage,
)
from opside_chassis.testing.plugin import FrozenClock, MigratedDatabase


async def test_a_staged_job_runs_once_and_is_done(committed_sessions: Sessions) -> None:
    bench = Bench(committed_sessions)
    staged = await stage_word(committed_sessions, "hello")
    assert await drain(bench.workshop) == 1
    assert await drain(bench.workshop) == 0
    assert bench.done == ["hello"]
    assert await status(committed_sessions, staged) == ("done", 0)


async def test_a_rolled_back_transaction_stages_nothing(committed_sessions: Sessions) -> None:
    bench = Bench(committed_sessions)
    with pytest.raises(ValueError, match="changed my mind"):
        async with transaction(committed_sessions) as session:
            await stage(session, "note", {"word": "never"})
            raise ValueError("changed my mind")
    assert await drain(bench.workshop) == 0


async def test_a_dedupe_key_stages_once(committed_sessions: Sessions) -> None:
    async with transaction(committed_sessions) as session:
        assert await stage(session, "note", {"word": "a"}, dedupe_key="k") is not None
        assert await stage(session, "note", {"word": "b"}, dedupe_key="k") is None


async def test_jobs_run_in_the_order_they_fell_due(committed_sessions: Sessions) -> None:
    bench = Bench(committed_sessions)
    for number in range(20):
        await stage_word(committed_sessions, str(number))
    await set_rows(
        committed_sessions, "due_at = due_at - make_interval(secs => (payload->>'word')::int)"
    )
    await drain(bench.workshop)
    assert bench.done == [str(number) for number in reversed(range(20))]


async def test_failures_wait_longer_each_time_and_then_park_with_a_case(
    committed_sessions: Sessions,
) -> None:
    async def always_fails(_job: StagedJob) -> None:
        raise RuntimeError("no luck")

    bench = Bench(committed_sessions, handlers={"doomed": always_fails})
    staged = await stage_word(committed_sessions, "x", "doomed")
    waits = []
    for _ in range(leases.MAX_FAILURES - 1):
        await drain(bench.workshop, ignore_due=True)
        async with transaction(committed_sessions) as session:
            wait = await session.execute(
                text("SELECT extract(epoch FROM due_at - now()) FROM outbox")
            )
            waits.append(round(wait.scalar_one()))
    assert waits == [2, 10, 60, 300, 1800] + [3600] * 6
    assert bench.parked == []
    await drain(bench.workshop, ignore_due=True)
    assert await status(committed_sessions, staged) == ("parked", leases.MAX_FAILURES)
    assert bench.parked == ["doomed: RuntimeError: no luck"]
    assert await drain(bench.workshop, ignore_due=True) == 0


async def test_a_case_that_cannot_be_opened_is_tried_again(committed_sessions: Sessions) -> None:
    """Parking and its case are one transaction: never a parked row that nobody heard of."""

    async def always_fails(_job: StagedJob) -> None:
        raise RuntimeError("no luck")

    bench = Bench(committed_sessions, handlers={"doomed": always_fails})
    staged = await stage_word(committed_sessions, "x", "doomed")
    await set_rows(committed_sessions, f"failures = {leases.MAX_FAILURES - 1}")
    deaf = Bench(committed_sessions, handlers={"doomed": always_fails})

    async def case_fails(*_anything: object) -> None:
        raise ConnectionError("the case was not written")

    object.__setattr__(deaf.workshop, "on_parked", case_fails)
    with pytest.raises(ConnectionError):
        await drain(deaf.workshop)
    assert (await status(committed_sessions, staged))[0] == "leased"
    await expire_leases(committed_sessions)
    await drain(bench.workshop)
    assert (await status(committed_sessions, staged))[0] == "parked"
    assert len(bench.parked) == 1


async def test_the_case_of_a_parked_job_may_be_written_for_any_tenant(
    committed_sessions: Sessions,
) -> None:
    async def always_fails(_job: StagedJob) -> None:
        raise RuntimeError("no luck")

    seen = []

    async def on_parked(session: object, _job: StagedJob, _error: str) -> None:
        tenant = await session.execute(text("SELECT current_setting('opside.tenant', true)"))  # type: ignore[attr-defined]
        seen.append(tenant.scalar_one())

    bench = Bench(committed_sessions, handlers={"doomed": always_fails})
    object.__setattr__(bench.workshop, "on_parked", on_parked)
    await stage_word(committed_sessions, "x", "doomed")
    await set_rows(committed_sessions, f"failures = {leases.MAX_FAILURES - 1}")
    await drain(bench.workshop)
    assert seen == [EVERY_TENANT]


async def test_an_unknown_kind_fails_loudly(committed_sessions: Sessions) -> None:
    bench = Bench(committed_sessions)
    staged = await stage_word(committed_sessions, "x", "unheard-of")
    await drain(bench.workshop)
    assert await status(committed_sessions, staged) == ("waiting", 1)


async def test_asking_for_a_later_try_is_not_a_failure(committed_sessions: Sessions) -> None:
    async def not_yet(_job: StagedJob) -> None:
        raise RetryLater(60, "report not ready")

    bench = Bench(committed_sessions, handlers={"poll": not_yet})
    staged = await stage_word(committed_sessions, "x", "poll")
    for _ in range(20):
        assert await drain(bench.workshop, ignore_due=True) == 1
    assert await status(committed_sessions, staged) == ("waiting", 0)


async def test_a_handler_that_takes_too_long_is_stopped(
    committed_sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sleeps(_job: StagedJob) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr("opside_chassis.jobs.JOB_TIMEOUT_SECONDS", 0.05)
    staged = await stage_word(committed_sessions, "x", "slow")
    await drain(Bench(committed_sessions, handlers={"slow": sleeps}).workshop)
    assert await status(committed_sessions, staged) == ("waiting", 1)


async def test_a_worker_that_lost_its_lease_is_fenced_off(committed_sessions: Sessions) -> None:
    await stage_word(committed_sessions, "x")
    slow = await lease_one(committed_sessions)
    await expire_leases(committed_sessions)
    quick = await lease_one(committed_sessions)
    with pytest.raises(LostLease):
        async with transaction(committed_sessions) as session:
            await fence(session, slow)
    async with transaction(committed_sessions) as session:
        await fence(session, quick)


async def test_outcomes_of_an_old_attempt_change_nothing(committed_sessions: Sessions) -> None:
    staged = await stage_word(committed_sessions, "x")
    slow = await lease_one(committed_sessions)
    await expire_leases(committed_sessions)
    await lease_one(committed_sessions)
    await leases.finish(driver_beside(committed_sessions), slow)
    assert await status(committed_sessions, staged) == ("leased", 0)
    for outcome in (
        lambda session: leases.fail(session, slow, "late"),
        lambda session: leases.postpone(session, slow, RetryLater(1, "late")),
        lambda session: leases.park(session, slow, "late"),
        lambda session: leases.give_back(session, [slow]),
    ):
        async with transaction(committed_sessions) as session:
            await outcome(session)
        assert await status(committed_sessions, staged) == ("leased", 0)


async def test_a_handler_overtaken_in_the_middle_writes_nothing(
    committed_sessions: Sessions,
) -> None:
    """The slow worker wakes up after its row was handed out again, and finds itself fenced off."""
    wrote = []

    async def slow(job: StagedJob) -> None:
        await expire_leases(committed_sessions)  # it slept through its lease
        await lease_one(committed_sessions)
        async with transaction(committed_sessions) as session:
            await fence(session, job)
            wrote.append(job.id)

    staged = await stage_word(committed_sessions, "x", "slow")
    await drain(Bench(committed_sessions, handlers={"slow": slow}).workshop)
    assert wrote == []
    assert (await status(committed_sessions, staged))[0] == "leased"


async def test_a_lease_that_ran_out_before_the_work_began_is_not_a_failure(
    committed_sessions: Sessions,
) -> None:
    bench = Bench(committed_sessions)
    staged = await stage_word(committed_sessions, "again")
    for _ in range(3):
        await lease_one(committed_sessions)  # handed to a queue that lost it
        assert await drain(bench.workshop) == 0
        await expire_leases(committed_sessions)
    assert await drain(bench.workshop) == 1
    assert await status(committed_sessions, staged) == ("done", 0)


async def test_a_worker_that_dies_counts_as_a_failure(committed_sessions: Sessions) -> None:
    bench = Bench(committed_sessions)
    staged = await stage_word(committed_sessions, "again")
    job = await lease_one(committed_sessions)
    assert await leases.begin(driver_beside(committed_sessions), job.id, job.attempt)
    await expire_leases(committed_sessions)  # and the worker died
    assert await drain(bench.workshop) == 1
    assert await status(committed_sessions, staged) == ("done", 1)


async def test_a_job_that_kills_every_worker_is_parked(committed_sessions: Sessions) -> None:
    bench = Bench(committed_sessions)
    staged = await stage_word(committed_sessions, "deadly")
    for _ in range(leases.MAX_FAILURES):
        job = await lease_one(committed_sessions)
        await leases.begin(driver_beside(committed_sessions), job.id, job.attempt)
        await expire_leases(committed_sessions)
    await drain(bench.workshop)
    assert bench.done == []
    assert bench.parked == ["note: every worker that ran it died"]
    assert (await status(committed_sessions, staged))[0] == "parked"


async def test_one_handing_out_delivered_many_times_at_once_runs_once(
    committed_sessions: Sessions,
) -> None:
    bench = Bench(committed_sessions)
    await stage_word(committed_sessions, "once")
    job = await lease_one(committed_sessions)
    await asyncio.gather(
        *(run_leased(bench.workshop, job.id, job.attempt) for _ in range(20)),
    )
    await run_leased(bench.workshop, job.id, job.attempt)
    assert bench.done == ["once"]


async def test_workers_side_by_side_never_take_the_same_row(committed_sessions: Sessions) -> None:
    bench = Bench(committed_sessions)
    for number in range(60):
        await stage_word(committed_sessions, str(number))
    await asyncio.gather(*(drain(bench.workshop) for _ in range(4)))
    assert sorted(bench.done, key=int) == [str(number) for number in range(60)]


async def test_an_expired_lease_is_taken_over_by_one(committed_sessions: Sessions) -> None:
    for number in range(40):
        await stage_word(committed_sessions, str(number))
    async with transaction(committed_sessions) as session:
        await leases.lease_due(session, batch=40)
    await expire_leases(committed_sessions)

    async def take_over() -> list[str]:
        async with transaction(committed_sessions) as session:
            jobs = await leases.lease_due(session, batch=10)
            await asyncio.sleep(0.05)
            return [job.id for job in jobs]

    taken = [
        job_id for ids in await asyncio.gather(*(take_over() for _ in range(4))) for job_id in ids
    ]
    assert len(taken) == len(set(taken)) == 40


async def test_no_more_rows_are_leased_than_asked_for(committed_sessions: Sessions) -> None:
    for number in range(10):
        await stage_word(committed_sessions, str(number))
    for _ in range(3):
        await lease_one(committed_sessions)
    await expire_leases(committed_sessions)
    async with transaction(committed_sessions) as session:
        assert len(await leases.lease_due(session, batch=5)) == 5
    assert await queue_counts(committed_sessions) == {"waiting": 5, "leased": 5}


async def test_a_schedule_is_staged_once_a_period(
    committed_sessions: Sessions, clock: FrozenClock
) -> None:
    bench = Bench(committed_sessions, Schedule("note", 60, {"word": "tick"}))
    for _ in range(3):
        await stage_schedules(bench.workshop, clock())
    await drain(bench.workshop)
    await stage_schedules(bench.workshop, clock())
    await drain(bench.workshop)
    assert bench.done == ["tick"]
    clock.advance(seconds=60)
    await stage_schedules(bench.workshop, clock())
    await drain(bench.workshop)
    assert bench.done == ["tick", "tick"]


async def test_schedules_do_not_pile_up_while_their_job_fails(
    committed_sessions: Sessions, clock: FrozenClock
) -> None:
    async def fails(_job: StagedJob) -> None:
        raise RuntimeError("provider is down")

    bench = Bench(committed_sessions, Schedule("poll", 60), handlers={"poll": fails})
    longest_wait_seconds = 0
    for _ in range(leases.MAX_FAILURES - 1):
        await stage_schedules(bench.workshop, clock())
        await drain(bench.workshop, ignore_due=True)
        clock.advance(seconds=60)
        async with transaction(committed_sessions) as session:
            row = await session.execute(
                text("SELECT count(*) AS n, max(due_at - now()) AS wait FROM outbox")
            )
            one = row.one()
        assert one.n == 1
        longest_wait_seconds = max(longest_wait_seconds, one.wait.total_seconds())
    assert round(longest_wait_seconds) == 60  # not the hour that other jobs wait
    await drain(bench.workshop, ignore_due=True)
    assert len(bench.parked) == 1


async def test_the_trace_goes_on_in_the_job(
    committed_sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracer = TracerProvider().get_tracer("tests")
    monkeypatch.setattr("opside_chassis.jobs.tracer", tracer)
    seen = []

    async def look(_job: StagedJob) -> None:
        seen.append(trace.get_current_span().get_span_context().trace_id)

    with tracer.start_as_current_span("request") as span:
        await stage_word(committed_sessions, "x", "look")
        assert current_trace_parent() is not None
    await drain(Bench(committed_sessions, handlers={"look": look}).workshop)
    assert seen == [span.get_span_context().trace_id]


async def test_an_illegal_status_is_refused_by_the_database(committed_sessions: Sessions) -> None:
    await stage_word(committed_sessions, "x")
    with pytest.raises(IntegrityError, match="ck_outbox_status"):
        await set_rows(committed_sessions, "status = 'vanished'")


async def test_of_a_burst_the_relay_is_told_at_once_and_then_now_and_then(
    committed_sessions: Sessions, migrated: MigratedDatabase
) -> None:
    told: list[object] = []
    listener = await asyncpg.connect(migrated.app_url)
    await listener.add_listener(outbox_channel(SCHEMA), lambda *notice: told.append(notice))
    await stage_word(committed_sessions, "alone")
    await eventually(lambda: len(told) == 1)
    begun = time.monotonic()
    await asyncio.gather(*(stage_word(committed_sessions, f"late {n}") for n in range(100)))
    windows = (time.monotonic() - begun) * 1_000 / WAKE_EVERY_MS
    await eventually(lambda: len(told) >= 2)
    await asyncio.sleep(0.1)
    # The first was alone; a window is whole milliseconds, and one was open when the burst began.
    most = 1 + 1 + windows * WAKE_EVERY_MS / (WAKE_EVERY_MS - 1)
    assert len(told) <= most, "a slow machine has more windows, no more notices in one"
    await listener.close()


async def test_a_clock_set_back_does_not_silence_the_outbox(
    committed_sessions: Sessions, owner_connection: "asyncpg.Connection"
) -> None:
    told: list[object] = []
    await owner_connection.add_listener(outbox_channel(SCHEMA), lambda *notice: told.append(notice))
    await owner_connection.execute(
        f"SELECT setval('{SCHEMA}.outbox_woken_ms', 4102444800000)"  # the year 2100
    )
    await stage_word(committed_sessions, "now")
    await eventually(lambda: len(told) == 1)
