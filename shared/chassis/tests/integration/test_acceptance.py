"""A money request in one statement leaves all of its rows or none."""

import asyncio
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from sqlalchemy import text

from opside_chassis.acceptance import Acceptance, NewJob, accept_at_once
from opside_chassis.database import EVERY_TENANT, Sessions, driver_beside, transaction
from opside_chassis.errors import Unauthenticated, Unavailable
from opside_chassis.idempotency import KeyScope, StoredAnswer, claim
from opside_chassis.service_token import ServiceIdentity, spend_token_id

TABLES = ("used_token_ids", "idempotency_keys", "notes", "outbox")


def service() -> ServiceIdentity:
    return ServiceIdentity(
        service="main-api",
        scopes=frozenset(),
        act_for=None,
        act_role=None,
        token_id=secrets.token_hex(8),
        expires_at=datetime.now(UTC) + timedelta(seconds=60),
    )


def acceptance(number: int = 1) -> Acceptance:
    return Acceptance(
        tenant="usr_a",
        service=service(),
        scope=KeyScope("main-api", "POST /notes", f"key-{number}"),
        fingerprint="f",
        answer=StoredAnswer(202, '{"id":"n"}', f"note_{number}"),
        table="notes",
        row={"id": f"note_{number}", "user_id": "usr_a", "words": "hello"},
        job=NewJob("write", {"noteId": f"note_{number}"}, dedupe_key=f"write:{number}"),
    )


async def counts(sessions: Sessions) -> dict[str, int]:
    async with transaction(sessions, tenant=EVERY_TENANT) as session:
        return {
            table: (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()  # noqa: S608
            for table in TABLES
        }


async def test_one_statement_leaves_what_the_steps_would(committed_sessions: Sessions) -> None:
    asked = acceptance()
    assert await accept_at_once(committed_sessions, asked)
    assert await counts(committed_sessions) == dict.fromkeys(TABLES, 1)
    async with transaction(committed_sessions, tenant="usr_a") as session:
        assert await claim(session, asked.scope, "f") == asked.answer
        job = (await session.execute(text("SELECT * FROM outbox"))).one()
        assert (job.kind, job.payload, job.tenant) == ("write", {"noteId": "note_1"}, "usr_a")
        with pytest.raises(Unauthenticated):
            await spend_token_id(session, asked.service)


@pytest.mark.parametrize("part", ["service", "scope", "row", "job"])
async def test_whatever_is_there_already_leaves_nothing_new(
    committed_sessions: Sessions, part: str
) -> None:
    first, second = acceptance(1), acceptance(2)
    assert await accept_at_once(committed_sessions, first)
    repeated = replace(second, **{part: getattr(first, part)})
    assert not await accept_at_once(committed_sessions, repeated)
    assert await counts(committed_sessions) == dict.fromkeys(TABLES, 1)


async def test_a_row_of_another_tenant_is_refused(committed_sessions: Sessions) -> None:
    stranger = replace(acceptance(), tenant="usr_b")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await accept_at_once(committed_sessions, stranger)
    assert await counts(committed_sessions) == dict.fromkeys(TABLES, 0)


async def test_racing_requests_leave_one_of_each(committed_sessions: Sessions) -> None:
    same_row = [replace(acceptance(number), row=acceptance().row) for number in range(20)]
    done = await asyncio.gather(*(accept_at_once(committed_sessions, one) for one in same_row))
    assert done.count(True) == 1
    assert await counts(committed_sessions) == dict.fromkeys(TABLES, 1)


async def test_a_part_held_for_long_asks_for_a_later_try(committed_sessions: Sessions) -> None:
    asked = acceptance()
    async with transaction(committed_sessions) as session:
        await claim(session, asked.scope, "f")
        with pytest.raises(Unavailable):
            await accept_at_once(committed_sessions, asked)
        await session.rollback()


async def test_no_tenant_stays_on_the_connection(committed_sessions: Sessions) -> None:
    await asyncio.gather(*(accept_at_once(committed_sessions, acceptance(n)) for n in range(10)))
    copy = "INSERT INTO outbox (id, kind, payload) SELECT 'seen ' || id, 'k', '{}' FROM notes"
    for _ in range(10):
        assert await driver_beside(committed_sessions).execute(copy) == "INSERT 0 0"
