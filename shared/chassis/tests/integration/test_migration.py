"""Making a schema and its roles, and bringing it up to date: repeatable, side by side, never too strong."""

import asyncio
import os
import secrets
import subprocess
import sys

import asyncpg
import pytest
from alembic import command
from schema_tables import SCHEMA
from sqlalchemy import make_url

from opside_chassis.migration import alembic_config, bootstrap, migrate, role_url
from opside_chassis.settings import WrongSetting
from opside_chassis.testing.plugin import MigratedDatabase, SchemaUnderTest


async def run_as_admin(admin_url: str, *statements: str) -> None:
    connection = await asyncpg.connect(admin_url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_bootstrap_may_be_repeated(migrated: MigratedDatabase) -> None:
    for password in ("o'1", "changed"):
        await bootstrap(
            migrated.admin_url, schema="spare", owner_password=password, app_password="a"
        )
    owner = await asyncpg.connect(
        role_url(migrated.admin_url, role="spare_owner", password="changed")
    )
    await owner.execute("CREATE TABLE things (id int)")
    app = await asyncpg.connect(role_url(migrated.admin_url, role="spare_app", password="a"))
    await app.execute("INSERT INTO things VALUES (1)")
    assert await app.fetchval("SELECT current_schema()") == "spare"
    await app.close()
    await owner.close()


async def test_bootstrap_needs_no_superuser(migrated: MigratedDatabase) -> None:
    """Hosted Postgres gives its customers an administrator who may make roles, and no more."""
    name = f"host_admin_{secrets.token_hex(3)}"
    database = make_url(migrated.admin_url).database
    await run_as_admin(
        migrated.admin_url,
        f"CREATE ROLE {name} LOGIN CREATEROLE PASSWORD 'p'",
        f"GRANT CREATE ON DATABASE {database} TO {name}",
    )
    admin_url = role_url(migrated.admin_url, role=name, password="p")
    schema = f"hosted_{'abcdef'[secrets.randbelow(6)]}{secrets.choice('ghijkl')}"
    for _ in range(2):
        await bootstrap(admin_url, schema=schema, owner_password="o", app_password="a")


async def test_bootstraps_of_two_databases_do_not_disturb_each_other(
    migrated: MigratedDatabase, template_database: MigratedDatabase
) -> None:
    await asyncio.gather(
        *(
            bootstrap(made.admin_url, schema="crowd", owner_password="o", app_password="a")
            for made in (migrated, template_database) * 4
        )
    )
    await run_as_admin(template_database.admin_url, "DROP SCHEMA crowd")


async def test_a_role_that_is_too_strong_is_not_taken_over(migrated: MigratedDatabase) -> None:
    await run_as_admin(migrated.admin_url, "CREATE ROLE strong_app LOGIN BYPASSRLS")
    try:
        with pytest.raises(WrongSetting, match="strong_app exists and is too strong"):
            await bootstrap(
                migrated.admin_url, schema="strong", owner_password="o", app_password="a"
            )
    finally:
        await run_as_admin(migrated.admin_url, "DROP ROLE strong_app")


async def test_bootstrap_refuses_a_schema_name_that_is_sql(migrated: MigratedDatabase) -> None:
    with pytest.raises(ValueError, match="not a schema name"):
        await bootstrap(
            migrated.admin_url, schema="x; DROP TABLE y", owner_password="o", app_password="a"
        )


async def test_migrations_run_side_by_side_and_again(
    migrated: MigratedDatabase, schema_under_test: SchemaUnderTest
) -> None:
    ini = schema_under_test.alembic_ini
    await asyncio.to_thread(command.downgrade, alembic_config(ini, migrated.owner_url), "base")
    environment = os.environ | {
        "DATABASE_OWNER_URL": migrated.owner_url,
        "PYTHONPATH": str(ini.parent.parent),
    }
    upgrade = (sys.executable, "-m", "alembic", "-c", str(ini), "upgrade", "head")
    at_once = [await asyncio.create_subprocess_exec(*upgrade, env=environment) for _ in range(3)]
    assert [await process.wait() for process in at_once] == [0, 0, 0]
    await asyncio.to_thread(migrate, ini, migrated.owner_url)
    connection = await asyncpg.connect(migrated.owner_url)
    version = await connection.fetchval(f"SELECT version_num FROM {SCHEMA}.alembic_version")  # noqa: S608
    assert version == "0001"
    await connection.close()


async def test_models_and_migrations_agree(
    migrated: MigratedDatabase, schema_under_test: SchemaUnderTest
) -> None:
    config = alembic_config(schema_under_test.alembic_ini, migrated.owner_url)
    await asyncio.to_thread(command.check, config)


def run_command(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "opside_chassis.migration", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


async def test_the_command_bootstraps(migrated: MigratedDatabase) -> None:
    settings = {
        "DATABASE_ADMIN_URL": migrated.admin_url,
        "SCHEMA": "by_command",
        "OWNER_PASSWORD": "o",
        "APP_PASSWORD": "a",
    }
    done = await asyncio.to_thread(run_command, "bootstrap", **settings)
    assert (done.returncode, done.stderr) == (0, "")
    connection = await asyncpg.connect(
        role_url(migrated.admin_url, role="by_command_app", password="a")
    )
    await connection.close()


def test_the_command_names_a_missing_setting() -> None:
    done = run_command("bootstrap")
    assert done.returncode == 78
    assert done.stderr == "DATABASE_ADMIN_URL: is not set; mend: set it for the bootstrap step\n"
    assert run_command().returncode == 2
