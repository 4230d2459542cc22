"""Roles, tenants, timeouts, and the ban on calls inside a transaction."""

import asyncio

import asyncpg
import pytest
from schema_tables import SCHEMA
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from opside_chassis.database import (
    DRIVER_POOL_SIZE,
    EVERY_TENANT,
    Database,
    Sessions,
    check_application_role,
    driver_beside,
    refuse_open_transaction,
    transaction,
)
from opside_chassis.migration import bootstrap, role_url
from opside_chassis.settings import WrongSetting
from opside_chassis.testing.plugin import MigratedDatabase

INSERT = text("INSERT INTO notes (id, user_id, words) VALUES (:id, :user, 'w')")


async def seen_by(sessions: Sessions, tenant: str | None) -> set[str]:
    async with transaction(sessions, tenant=tenant) as session:
        return set(await session.scalars(text("SELECT id FROM notes")))


@pytest.fixture(params=["sessions", "committed_sessions"])
def any_sessions(request: pytest.FixtureRequest) -> Sessions:
    """The rolled-back sessions must show the same rows as real ones."""
    return request.getfixturevalue(request.param)


async def test_a_tenant_sees_his_own_rows_only(any_sessions: Sessions) -> None:
    for user in ("usr_a", "usr_b"):
        async with transaction(any_sessions, tenant=user) as session:
            await session.execute(INSERT, {"id": f"note of {user}", "user": user})
    assert await seen_by(any_sessions, "usr_a") == {"note of usr_a"}
    assert await seen_by(any_sessions, EVERY_TENANT) == {"note of usr_a", "note of usr_b"}
    assert await seen_by(any_sessions, None) == set()


async def test_a_savepoint_keeps_the_tenant(any_sessions: Sessions) -> None:
    async with transaction(any_sessions, tenant="usr_a") as session:
        async with session.begin_nested():
            await session.execute(INSERT, {"id": "n", "user": "usr_a"})
        assert list(await session.scalars(text("SELECT id FROM notes"))) == ["n"]


async def test_a_tenant_cannot_write_for_another(sessions: Sessions) -> None:
    with pytest.raises(DBAPIError, match="row-level security"):
        async with transaction(sessions, tenant="usr_a") as session:
            await session.execute(INSERT, {"id": "n", "user": "usr_b"})


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE notes DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON notes",
        "CREATE TABLE mine (id text)",
        "DROP TABLE notes",
        "TRUNCATE notes",
        "SET ROLE workbench_owner",
        "SET session_replication_role = replica",
    ],
)
async def test_the_application_role_cannot_undo_the_guards(
    sessions: Sessions, statement: str
) -> None:
    with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
        async with transaction(sessions) as session:
            await session.execute(text(statement))


async def test_a_call_to_the_outside_is_refused_inside_a_transaction(sessions: Sessions) -> None:
    refuse_open_transaction()
    async with transaction(sessions):
        with pytest.raises(RuntimeError, match="transaction is open"):
            refuse_open_transaction()
    refuse_open_transaction()


async def test_a_task_born_inside_a_transaction_may_not_call_out(sessions: Sessions) -> None:
    async def call_out() -> None:
        refuse_open_transaction()

    async with transaction(sessions):
        with pytest.raises(RuntimeError, match="transaction is open"):
            await asyncio.create_task(call_out())


async def test_a_failed_transaction_is_no_longer_open(sessions: Sessions) -> None:
    with pytest.raises(ZeroDivisionError):
        async with transaction(sessions):
            raise ZeroDivisionError
    refuse_open_transaction()


async def test_the_text_of_an_error_holds_no_values(sessions: Sessions) -> None:
    with pytest.raises(DBAPIError) as refused:
        async with transaction(sessions, tenant="usr_a") as session:
            await session.execute(INSERT, {"id": "very secret", "user": "usr_b"})
    assert "very secret" not in str(refused.value)


async def test_a_role_sees_no_other_schema(migrated: MigratedDatabase) -> None:
    await bootstrap(migrated.admin_url, schema="spare", owner_password="o", app_password="a")
    for role, password in (("spare_app", "a"), ("spare_owner", "o")):
        other = await asyncpg.connect(role_url(migrated.admin_url, role=role, password=password))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await other.fetch(f"SELECT * FROM {SCHEMA}.outbox")  # noqa: S608
        await other.close()


async def test_a_lock_is_not_waited_for_long(committed_database: Database) -> None:
    sessions = committed_database.sessions
    async with transaction(sessions, tenant="usr_a") as session:
        await session.execute(INSERT, {"id": "n", "user": "usr_a"})
        with pytest.raises(DBAPIError, match="lock timeout"):
            async with transaction(sessions, tenant="usr_a") as racing:
                await racing.execute(INSERT, {"id": "n", "user": "usr_a"})


async def test_another_task_may_call_out_meanwhile(sessions: Sessions) -> None:
    async def call_out() -> None:
        refuse_open_transaction()

    task = asyncio.create_task(call_out())
    async with transaction(sessions):
        await task


async def test_the_application_role_is_accepted(committed_database: Database) -> None:
    await check_application_role(committed_database.engine, SCHEMA, durable=False)


async def test_a_server_that_may_lose_commits_is_refused(committed_database: Database) -> None:
    async with transaction(committed_database.sessions) as session:
        await session.execute(text("SELECT set_config('synchronous_commit', 'off', false)"))
    with pytest.raises(WrongSetting, match="may lose committed"):
        await check_application_role(committed_database.engine, SCHEMA, durable=True)


@pytest.mark.parametrize("role", ["owner_url", "admin_url"])
async def test_a_stronger_role_is_refused(migrated: MigratedDatabase, role: str) -> None:
    database = Database.connect(getattr(migrated, role), application_name="tests")
    try:
        with pytest.raises(WrongSetting, match="outranks"):
            await check_application_role(database.engine, SCHEMA, durable=False)
    finally:
        await database.close()


async def test_limits_are_set_on_every_connection(committed_database: Database) -> None:
    async with transaction(committed_database.sessions) as session:
        limits = await session.execute(
            text(
                "SELECT name, setting::int FROM pg_settings WHERE name IN "
                "('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout')"
            )
        )
        assert {row.name: row.setting for row in limits} == {
            "statement_timeout": 5_000,
            "lock_timeout": 2_000,
            "idle_in_transaction_session_timeout": 10_000,
        }


async def test_connections_that_the_server_closed_are_replaced(
    committed_database: Database, migrated_admin: Database
) -> None:
    sessions = committed_database.sessions
    note = "INSERT INTO notes (id, user_id, words) SELECT pg_backend_pid()::text, 'usr_a', 'w' FROM tenant"
    as_tenant = "WITH tenant AS MATERIALIZED (SELECT set_config('opside.tenant', 'usr_a', true)) "

    async def processes() -> set[str]:
        await driver_beside(sessions).execute(as_tenant + note)
        async with transaction(sessions, tenant="usr_a") as session:
            await session.execute(text(note.replace("FROM tenant", "")))
        return await seen_by(sessions, "usr_a")

    before = await processes()
    async with transaction(migrated_admin.sessions) as session:
        for process in before:
            await session.execute(
                text("SELECT pg_terminate_backend(:id, 5000)"), {"id": int(process)}
            )
    await asyncio.sleep(0.1)
    assert len(before) == 2
    assert len(await processes()) == 4


async def test_a_driver_connection_that_was_cancelled_is_not_used_again(
    committed_database: Database,
) -> None:
    driver = committed_database.driver
    running = asyncio.create_task(driver.execute("SELECT pg_sleep(1)"))
    await asyncio.sleep(0.2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await driver.execute("SELECT 1") == "SELECT 1"


async def test_no_more_driver_connections_than_places(committed_database: Database) -> None:
    driver, slow = committed_database.driver, "SELECT pg_sleep(0.05)"
    await asyncio.gather(*(driver.execute(slow) for _ in range(4 * DRIVER_POOL_SIZE)))
    async with transaction(committed_database.sessions) as session:
        query = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND query = :slow"
        )
        assert (await session.execute(query, {"slow": slow})).scalar_one() == DRIVER_POOL_SIZE
