"""Duties: a transaction works in one name, and the login role itself may then do nothing."""

import secrets

import asyncpg
import pytest
from schema_tables import SCHEMA
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from opside_chassis.database import (
    DUTIES,
    Database,
    Sessions,
    check_application_role,
    transaction,
)
from opside_chassis.migration import bootstrap, role_url
from opside_chassis.settings import WrongSetting
from opside_chassis.testing.plugin import MigratedDatabase

AUDITOR, WORKER = f"{SCHEMA}_auditor", f"{SCHEMA}_worker"


async def name_of(sessions: Sessions, **acting: str) -> str:
    async with transaction(sessions, **acting) as session:
        return str((await session.execute(text("SELECT current_user"))).scalar_one())


async def test_a_transaction_takes_the_duty_it_names(
    sessions: Sessions, committed_sessions: Sessions
) -> None:
    for any_sessions in (sessions, committed_sessions):
        assert await name_of(any_sessions, role=AUDITOR) == AUDITOR
        assert await name_of(any_sessions, tenant="usr_a", role=WORKER) == WORKER
        assert await name_of(any_sessions, tenant="usr_a") == f"{SCHEMA}_app"


async def test_a_database_has_a_duty_of_its_own(migrated: MigratedDatabase) -> None:
    opened = Database.connect(migrated.app_url, application_name="tests", role=WORKER)
    assert await name_of(opened.sessions) == WORKER
    assert await name_of(opened.sessions, role=AUDITOR) == AUDITOR
    assert await name_of(opened.sessions) == WORKER
    await check_application_role(opened.engine, SCHEMA, durable=False)
    await opened.close()


async def test_a_tenant_is_kept_apart_under_every_duty(
    committed_sessions: Sessions, owner_connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await owner_connection.execute(f"GRANT SELECT ON {SCHEMA}.notes TO {AUDITOR}")
    async with transaction(committed_sessions, tenant="usr_a") as session:
        await session.execute(text("INSERT INTO notes VALUES ('n', 'usr_a', 'w')"))
    for tenant, seen in (("usr_a", 1), ("usr_b", 0), (None, 0)):
        async with transaction(committed_sessions, tenant=tenant, role=AUDITOR) as session:
            count = await session.execute(text("SELECT count(*) FROM notes"))
            assert count.scalar_one() == seen


async def test_a_duty_has_only_its_own_rights(
    committed_sessions: Sessions, owner_connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await owner_connection.execute(f"GRANT SELECT ON {SCHEMA}.notes TO {AUDITOR}")
    for role, statement in (
        (AUDITOR, "INSERT INTO notes VALUES ('n', 'usr_a', 'w')"),
        (WORKER, "SELECT 1 FROM notes"),
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with transaction(committed_sessions, tenant="usr_a", role=role) as session:
                await session.execute(text(statement))


async def test_the_login_role_inherits_no_duty(
    migrated: MigratedDatabase, owner_connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await owner_connection.execute(f"GRANT SELECT ON {SCHEMA}.notes TO {AUDITOR}")
    await owner_connection.execute(f"REVOKE ALL ON {SCHEMA}.notes FROM {SCHEMA}_app")
    app = await asyncpg.connect(migrated.app_url)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.fetch("SELECT 1 FROM notes")
    await app.execute(f"SET ROLE {AUDITOR}")
    assert await app.fetch("SELECT 1 FROM notes") == []
    await app.close()


async def test_nobody_logs_in_as_a_duty(migrated: MigratedDatabase) -> None:
    admin = await asyncpg.connect(migrated.admin_url)
    roles = await admin.fetch(
        "SELECT rolname, rolcanlogin OR rolsuper OR rolbypassrls OR rolcreaterole AS too_strong"
        " FROM pg_roles WHERE starts_with(rolname, $1)",
        f"{SCHEMA}_",
    )
    duties = {f"{SCHEMA}_{duty}" for duty in DUTIES}
    assert {row["rolname"] for row in roles if row["rolname"] in duties} == duties
    assert not [row["rolname"] for row in roles if row["rolname"] in duties and row["too_strong"]]
    await admin.close()


async def test_a_strong_login_is_found_behind_a_weak_duty(migrated: MigratedDatabase) -> None:
    opened = Database.connect(migrated.admin_url, application_name="tests", role=WORKER)
    with pytest.raises(WrongSetting, match="outranks"):
        await check_application_role(opened.engine, SCHEMA, durable=False)
    await opened.close()


@pytest.mark.parametrize("role", ["none_such", f"{SCHEMA}_owner"])
async def test_a_duty_that_the_login_may_not_take_is_a_wrong_setting(
    migrated: MigratedDatabase, role: str
) -> None:
    opened = Database.connect(migrated.app_url, application_name="tests", role=role)
    with pytest.raises(WrongSetting, match=f"as its duty: .*{role}"):
        await check_application_role(opened.engine, SCHEMA, durable=False)
    await opened.close()


async def test_a_repeated_bootstrap_gives_back_no_rights(migrated: MigratedDatabase) -> None:
    schema = f"duties_{secrets.token_hex(3).translate(str.maketrans('0123456789', 'ghijklmnop'))}"

    async def again() -> None:
        await bootstrap(migrated.admin_url, schema=schema, owner_password="o", app_password="a")

    await again()
    owner = await asyncpg.connect(
        role_url(migrated.admin_url, role=f"{schema}_owner", password="o")
    )
    await owner.execute(
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} REVOKE ALL ON TABLES FROM {schema}_app"
    )
    await again()
    await owner.execute("CREATE TABLE later (id int)")
    assert not await owner.fetchval(
        f"SELECT has_table_privilege('{schema}_app', 'later', 'SELECT')"
    )
    await owner.close()
