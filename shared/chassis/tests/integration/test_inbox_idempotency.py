"""One effect a message, one answer a key, however often and at once they come."""

import asyncio
import json

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from opside_chassis import inbox
from opside_chassis.database import Database, Sessions, transaction
from opside_chassis.errors import BadRequest, Unavailable, Unprocessable
from opside_chassis.idempotency import (
    KeyScope,
    StoredAnswer,
    claim,
    fingerprint,
    required_key,
    store_answer,
)
from opside_chassis.inbox import InboxEvent

EVENT = InboxEvent(source="stripe", event_id="evt_1", type="charge.succeeded", payload={"a": 1})
SCOPE = KeyScope("main-api", "POST /charge", "key-1")


async def receive(sessions: Sessions, event: InboxEvent) -> bool:
    async with transaction(sessions) as session:
        return await inbox.receive(session, event, kind="apply_event")


async def count(sessions: Sessions, table: str) -> int:
    async with transaction(sessions) as session:
        return (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()  # noqa: S608


async def test_an_event_is_stored_with_its_job_and_a_repeat_is_not(sessions: Sessions) -> None:
    assert await receive(sessions, EVENT) is True
    assert await receive(sessions, EVENT) is False
    assert await count(sessions, "inbox") == await count(sessions, "outbox") == 1


async def test_fifty_deliveries_at_once_store_one(committed_sessions: Sessions) -> None:
    stored = await asyncio.gather(*(receive(committed_sessions, EVENT) for _ in range(50)))
    assert stored.count(True) == 1
    assert await count(committed_sessions, "outbox") == 1


async def test_the_same_id_of_another_account_is_another_event(sessions: Sessions) -> None:
    other = InboxEvent("stripe", "evt_1", "charge.succeeded", {}, account="acct_2")
    assert await receive(sessions, EVENT)
    assert await receive(sessions, other)


async def test_a_crash_between_storing_and_committing_leaves_nothing(
    committed_sessions: Sessions,
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with transaction(committed_sessions) as session:
            assert await inbox.receive(session, EVENT, kind="apply_event")
            raise ZeroDivisionError
    assert (
        await count(committed_sessions, "inbox") == await count(committed_sessions, "outbox") == 0
    )
    assert await receive(committed_sessions, EVENT) is True


async def test_a_bare_connection_receives_too(committed_database: Database) -> None:
    async with committed_database.engine.begin() as connection:
        assert await inbox.receive(connection, EVENT, kind="apply_event")
    async with committed_database.engine.begin() as connection:
        assert not await inbox.receive(connection, EVENT, kind="apply_event")


async def test_an_event_is_applied_once_however_many_workers_try(
    committed_sessions: Sessions,
) -> None:
    await receive(committed_sessions, EVENT)
    async with transaction(committed_sessions) as session:
        inbox_id = (await session.execute(text("SELECT id FROM inbox"))).scalar_one()

    async def apply() -> bool:
        async with transaction(committed_sessions) as session:
            if not (await inbox.lock(session, inbox_id)).waiting:
                return False
            await inbox.mark(session, inbox_id, "applied")
            return True

    applied = await asyncio.gather(*(apply() for _ in range(20)))
    assert applied.count(True) == 1


async def test_an_applied_event_no_longer_waits(committed_sessions: Sessions) -> None:
    await receive(committed_sessions, EVENT)
    async with transaction(committed_sessions) as session:
        inbox_id = (await session.execute(text("SELECT id FROM inbox"))).scalar_one()
        assert (await inbox.lock(session, inbox_id)).waiting
        await inbox.mark(session, inbox_id, "applied")
    seen = await inbox.read(committed_sessions, inbox_id)
    assert (seen.status, seen.waiting, seen.payload) == ("applied", False, EVENT.payload)


async def answer_once(sessions: Sessions, body: dict[str, int]) -> StoredAnswer | None:
    async with transaction(sessions) as session:
        replay = await claim(session, SCOPE, fingerprint(body))
        if replay is None:
            await session.execute(text("SELECT pg_sleep(0.01)"))
            await store_answer(
                session, SCOPE, status_code=202, body=json.dumps(body), resource_id="txn_1"
            )
        return replay


async def test_racing_requests_with_one_key_get_one_answer(committed_sessions: Sessions) -> None:
    answers = await asyncio.gather(*(answer_once(committed_sessions, {"a": 1}) for _ in range(50)))
    assert answers.count(None) == 1
    assert {answer for answer in answers if answer} == {StoredAnswer(202, '{"a": 1}', "txn_1")}


async def test_the_same_key_with_another_request_is_refused(sessions: Sessions) -> None:
    await answer_once(sessions, {"a": 1})
    with pytest.raises(Unprocessable):
        await answer_once(sessions, {"a": 2})


async def test_the_stored_answer_cannot_be_changed(sessions: Sessions) -> None:
    await answer_once(sessions, {"a": 1})
    with pytest.raises(DBAPIError, match="set once"):
        async with transaction(sessions) as session:
            await store_answer(session, SCOPE, status_code=200, body="{}", resource_id="txn_2")


async def test_a_failed_request_leaves_its_key_free(committed_sessions: Sessions) -> None:
    with pytest.raises(ZeroDivisionError):
        async with transaction(committed_sessions) as session:
            await claim(session, SCOPE, fingerprint({"a": 1}))
            raise ZeroDivisionError
    assert await answer_once(committed_sessions, {"a": 2}) is None


async def test_a_claimed_key_without_an_answer_cannot_be_committed(
    committed_sessions: Sessions,
) -> None:
    with pytest.raises(DBAPIError, match="claimed and not answered"):
        async with transaction(committed_sessions) as session:
            await claim(session, SCOPE, fingerprint({"a": 1}))
    assert await count(committed_sessions, "idempotency_keys") == 0


async def test_an_answer_needs_a_claimed_key(sessions: Sessions) -> None:
    with pytest.raises(RuntimeError, match="without a claimed"):
        async with transaction(sessions) as session:
            await store_answer(session, SCOPE, status_code=202, body="{}", resource_id="txn_1")


async def test_a_key_held_for_long_asks_for_a_later_try(committed_sessions: Sessions) -> None:
    async with transaction(committed_sessions) as session:
        await claim(session, SCOPE, fingerprint({"a": 1}))
        with pytest.raises(Unavailable) as later:
            await answer_once(committed_sessions, {"a": 1})
        assert later.value.retry_after_seconds == 1
        await store_answer(session, SCOPE, status_code=202, body="{}", resource_id="txn_1")


async def test_keys_of_other_callers_and_routes_are_other_keys(sessions: Sessions) -> None:
    async with transaction(sessions) as session:
        for scope in (
            SCOPE,
            KeyScope("usr_1", SCOPE.route, SCOPE.key),
            KeyScope("main-api", "POST /other", SCOPE.key),
        ):
            assert await claim(session, scope, fingerprint({"caller": scope.caller})) is None
            await store_answer(session, scope, status_code=202, body="{}", resource_id="")


@pytest.mark.parametrize(
    ("header", "body", "key"),
    [("k", None, "k"), (None, "k", "k"), ("k", "k", "k"), ("a-Z_0.:", None, "a-Z_0.:")],
)
def test_a_key_may_come_in_either_place(header: str | None, body: str | None, key: str) -> None:
    assert required_key(header, body) == key


@pytest.mark.parametrize(
    ("header", "body"),
    [(None, None), ("a", "b"), ("", None), ("a b", None), ("x" * 256, None), ("a\n", None)],
)
def test_a_missing_or_malformed_key_is_refused(header: str | None, body: str | None) -> None:
    with pytest.raises(BadRequest):
        required_key(header, body)
