"""Events that come at once: each stored once, with its job, whatever becomes of the others."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import asyncpg
from opentelemetry.sdk.trace import TracerProvider
from sqlalchemy import text

from opside_chassis import inbox
from opside_chassis.database import Database, Sessions, transaction
from opside_chassis.inbox import InboxEvent
from opside_chassis.intake import MOST_AT_ONCE, WRITERS, Intake

KIND = "apply_event"


def event(number: int, *, payload: str = '{"a": 1}') -> InboxEvent:
    return InboxEvent("stripe", f"evt_{number:04}", "charge.succeeded", payload)


async def rows(sessions: Sessions, query: str) -> Sequence[tuple[object, ...]]:
    async with transaction(sessions) as session:
        return [tuple(row) for row in await session.execute(text(query))]


async def stored(sessions: Sessions) -> list[str]:
    """The ids of events whose row has its job, and no row or job beside them."""
    found = await rows(
        sessions,
        "SELECT event_id, kind FROM inbox i"
        " FULL JOIN outbox o ON o.payload = jsonb_build_object('inboxId', i.id) ORDER BY event_id",
    )
    assert {kind for _, kind in found} <= {KIND}
    return [str(event_id) for event_id, _ in found]


async def test_events_at_once_are_each_stored_with_a_job_in_few_transactions(
    committed_sessions: Sessions,
) -> None:
    intake, number = Intake(committed_sessions), 4 * MOST_AT_ONCE
    new = await asyncio.gather(*(intake.receive(event(n), kind=KIND) for n in range(number)))
    assert all(new)
    assert await stored(committed_sessions) == [f"evt_{n:04}" for n in range(number)]
    [(transactions,)] = await rows(
        committed_sessions, "SELECT count(DISTINCT xmin::text) FROM inbox"
    )
    assert transactions <= WRITERS + number // MOST_AT_ONCE


async def test_an_event_alone_waits_for_no_other(committed_sessions: Sessions) -> None:
    intake = Intake(committed_sessions)
    assert await intake.receive(event(1), kind=KIND)
    assert not await intake.receive(event(1), kind=KIND)
    assert await stored(committed_sessions) == ["evt_0001"]


async def test_repeats_that_come_together_are_stored_once(committed_sessions: Sessions) -> None:
    intake = Intake(committed_sessions)
    new = await asyncio.gather(*(intake.receive(event(n % 7), kind=KIND) for n in range(70)))
    assert new.count(True) == 7
    assert len(await stored(committed_sessions)) == 7


async def test_one_that_is_refused_holds_no_other_up(committed_sessions: Sessions) -> None:
    intake = Intake(committed_sessions)
    bad = {n: event(n, payload='{"a": "\\u0000"}') for n in (3, 9)}
    outcomes = await asyncio.gather(
        *(intake.receive(bad.get(n, event(n)), kind=KIND) for n in range(20)),
        return_exceptions=True,
    )
    refused = {n for n, outcome in enumerate(outcomes) if isinstance(outcome, Exception)}
    assert refused == set(bad)
    assert {type(outcomes[n]) for n in refused} == {asyncpg.UntranslatableCharacterError}
    assert len(await stored(committed_sessions)) == 18
    assert await intake.receive(event(100), kind=KIND), "the door is open as before"


async def test_an_ignored_event_is_at_rest_and_has_no_job(committed_sessions: Sessions) -> None:
    intake = Intake(committed_sessions)
    await asyncio.gather(
        *(intake.ignore(event(n)) for n in range(5)), intake.receive(event(9), kind=KIND)
    )
    states = Counter(
        dict(await rows(committed_sessions, "SELECT event_id, status FROM inbox")).values()
    )
    assert states == {"ignored": 5, "received": 1}
    assert await rows(committed_sessions, "SELECT count(*) FROM outbox") == [(1,)]


async def test_two_processes_given_the_same_events_the_other_way_round(
    committed_database: Database,
) -> None:
    sessions = committed_database.sessions
    for _ in range(10):
        one, other = Intake(sessions), Intake(sessions)
        new = await asyncio.gather(
            *(one.receive(event(n), kind=KIND) for n in range(100)),
            *(other.receive(event(n), kind=KIND) for n in reversed(range(100))),
        )
        assert new.count(True) == 100
        assert len(await stored(sessions)) == 100
        async with transaction(sessions) as session:
            await session.execute(text("DELETE FROM inbox"))
            await session.execute(text("DELETE FROM outbox"))


async def test_whoever_gives_up_takes_no_other_along(committed_sessions: Sessions) -> None:
    intake = Intake(committed_sessions)
    waiting = [asyncio.create_task(intake.receive(event(n), kind=KIND)) for n in range(30)]
    await asyncio.sleep(0)
    for task in waiting[::3]:
        task.cancel()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [one for one in outcomes if one is True] == [True] * 20
    assert {f"evt_{n:04}" for n in range(30) if n % 3} <= set(await stored(committed_sessions))


async def test_what_was_taken_in_is_read_as_any_event(committed_sessions: Sessions) -> None:
    await Intake(committed_sessions).receive(event(1, payload='{"a": [1.5]}'), kind=KIND)
    [(inbox_id,)] = await rows(committed_sessions, "SELECT id FROM inbox")
    row = await inbox.read(committed_sessions, str(inbox_id))
    assert (row.event_id, row.payload, row.waiting) == ("evt_0001", {"a": [1.5]}, True)


async def test_what_stops_the_database_is_told_to_all(committed_sessions: Sessions) -> None:
    intake = Intake(committed_sessions)
    async with transaction(committed_sessions) as session:
        await session.execute(text("LOCK TABLE inbox"))
        waiting = [asyncio.create_task(intake.receive(event(n), kind=KIND)) for n in range(9)]
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(one) for one in outcomes} == {asyncpg.LockNotAvailableError}
    assert await stored(committed_sessions) == []


async def test_each_jobs_trace_is_that_of_its_own_delivery(committed_sessions: Sessions) -> None:
    """Whoever's statement stored it."""
    intake, tracer = Intake(committed_sessions), TracerProvider().get_tracer("tests")

    async def deliver(number: int) -> tuple[str, str]:
        with tracer.start_as_current_span("delivery") as span:
            await intake.receive(event(number), kind=KIND)
            return event(number).event_id, f"{span.get_span_context().trace_id:032x}"

    delivered = await asyncio.gather(*(deliver(number) for number in range(MOST_AT_ONCE)))
    kept = await rows(
        committed_sessions,
        "SELECT event_id, split_part(trace_parent, '-', 2) FROM inbox i"
        " JOIN outbox o ON o.payload = jsonb_build_object('inboxId', i.id)",
    )
    assert set(kept) == set(delivered)
