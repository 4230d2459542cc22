"""Each schema has one history, equals its models, and keeps tenants apart by force."""

import asyncio
import secrets

import asyncpg
import pytest_asyncio
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import make_url

from opside_chassis.migration import alembic_config, bootstrap, role_url

PASSWORD = secrets.token_urlsafe(16)


@pytest_asyncio.fixture(loop_scope="session")
async def migrated(service, postgres_url):
    """A fresh database with this service's schema; the addresses of the admin and the owner."""
    name = f"guard_{service.schema}_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(postgres_url)
    await admin.execute(f"CREATE DATABASE {name}")
    url = make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    await bootstrap(url, schema=service.schema, owner_password=PASSWORD, app_password=PASSWORD)
    owner = role_url(url, role=f"{service.schema}_owner", password=PASSWORD)
    config = alembic_config(service.folder / "alembic.ini", owner)
    await asyncio.to_thread(command.upgrade, config, "head")
    yield url, config
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


def test_there_is_one_head(service):
    config = alembic_config(service.folder / "alembic.ini", "postgresql://none")
    assert len(ScriptDirectory.from_config(config).get_heads()) == 1


async def test_models_and_migrations_agree(migrated):
    _, config = migrated
    await asyncio.to_thread(command.check, config)


async def test_the_schema_can_be_taken_back(migrated):
    _, config = migrated
    await asyncio.to_thread(command.downgrade, config, "base")
    await asyncio.to_thread(command.upgrade, config, "head")


TABLES = """
    SELECT c.relname AS name, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
           pg_get_userbyid(c.relowner) AS owner,
           EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid) AS has_policy,
           EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped
                                                  AND a.attname = 'user_id') AS of_a_tenant
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')
"""


@pytest_asyncio.fixture(loop_scope="session")
async def tables(service, migrated):
    admin = await asyncpg.connect(migrated[0])
    rows = await admin.fetch(TABLES, service.schema)
    await admin.close()
    return rows


async def test_every_table_with_a_user_is_under_forced_row_security(tables):
    of_tenants = [row for row in tables if row["of_a_tenant"]]
    assert of_tenants
    loose = [
        row["name"]
        for row in of_tenants
        if not (row["enabled"] and row["forced"] and row["has_policy"])
    ]
    assert loose == []


async def test_the_application_role_owns_nothing(service, tables):
    assert {row["owner"] for row in tables} == {f"{service.schema}_owner"}
