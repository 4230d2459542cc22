"""Making and changing a service's schema: roles, alembic, and the command both are run by.

python -m opside_chassis.migration bootstrap    # as the database's administrator
alembic -c services/<service>/alembic.ini upgrade head    # as the schema's owner
"""

import asyncio
import os
import re
import sys
from pathlib import Path

import asyncpg
from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, MetaData, make_url, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from opside_chassis.database import DUTIES, LOCK_TIMEOUT_MS, asyncpg_url, driver_url
from opside_chassis.settings import WrongSetting, refuse_start

_SCHEMA = re.compile(r"[a-z][a-z_]{1,30}")
BOOTSTRAP_TRIES = 5
"""Roles belong to the whole server: bootstraps of two databases at once may collide."""
_COLLISIONS = (
    asyncpg.UniqueViolationError,
    asyncpg.DuplicateObjectError,
    asyncpg.InternalServerError,
)
_MIGRATION_LOCK = 0x6F70_7369_6465
"""An arbitrary constant ("opside"): two migrations of one database run one after the other."""


def run_migrations(metadata: MetaData) -> None:
    """What a service's `migrations/env.py` calls: online, in the schema of its metadata.

    The address is `config.attributes["url"]` when run in process, else DATABASE_OWNER_URL.
    """
    url = context.config.attributes.get("url") or os.environ.get("DATABASE_OWNER_URL")
    if not url:
        raise WrongSetting("DATABASE_OWNER_URL", "is not set", "name the schema's owner role")
    asyncio.run(_run_online(str(url), metadata))


async def _run_online(url: str, metadata: MetaData) -> None:
    # With the schema as search_path, alembic would take it for the default one and miss its tables.
    # So migrations name their schema in full.
    engine = create_async_engine(
        asyncpg_url(url),
        poolclass=pool.NullPool,
        connect_args={"server_settings": {"search_path": "public"}},
    )
    async with engine.begin() as connection:
        await connection.execute(
            text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK}
        )
        # Running services wait behind a migration that waits for a lock: give up instead.
        await connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}"))
        await connection.run_sync(_configure_and_run, metadata)


def _configure_and_run(connection: Connection, metadata: MetaData) -> None:
    schema = metadata.schema

    def own_schema(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "schema" or name == schema

    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema=schema,
        include_schemas=True,
        include_name=own_schema,
        compare_type=True,
        compare_server_default=False,
    )
    with context.begin_transaction():
        context.run_migrations()


def alembic_config(alembic_ini: Path, owner_url: str) -> Config:
    """The alembic configuration of a service, with the owner's address in it."""
    config = Config(str(alembic_ini))
    config.set_main_option("script_location", str(alembic_ini.parent / "migrations"))
    config.attributes["url"] = owner_url
    return config


def migrate(alembic_ini: Path, owner_url: str) -> None:
    """Bring a schema to the newest migration, in this process. Blocks; needs no running loop."""
    command.upgrade(alembic_config(alembic_ini, owner_url), "head")


async def bootstrap(admin_url: str, *, schema: str, owner_password: str, app_password: str) -> None:
    """Make (or bring up to date) a schema with its owner, its application role and its duty roles.

    Safe to repeat. The database itself is the one `admin_url` names.

    Raises:
        ValueError: the schema's name is not a plain identifier.
        WrongSetting: one of the roles exists and is stronger than it may be.
    """
    if not _SCHEMA.fullmatch(schema):
        raise ValueError(f"not a schema name: {schema!r}")
    connection = await asyncpg.connect(driver_url(admin_url))
    passwords = {f"{schema}_owner": owner_password, f"{schema}_app": app_password}
    try:
        for tries_left in reversed(range(BOOTSTRAP_TRIES)):
            try:
                async with connection.transaction():
                    await _make_schema(connection, schema, passwords)
            except _COLLISIONS:
                if not tries_left:
                    raise
            else:
                return
    finally:
        await connection.close()


async def _make_schema(
    connection: "asyncpg.Connection", schema: str, passwords: dict[str, str]
) -> None:
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _MIGRATION_LOCK)
    for role, password in passwords.items():
        quoted = await connection.fetchval("SELECT quote_literal($1::text)", password)
        await _make_role(connection, role, f"LOGIN PASSWORD {quoted}")
    for duty in DUTIES:
        await _make_role(connection, f"{schema}_{duty}", "NOLOGIN")
    is_new = await connection.fetchval("SELECT to_regnamespace($1) IS NULL", schema)
    for statement in _schema_statements(schema):
        await connection.execute(statement)
    if is_new:
        # Only once: migrations may have given these rights to the duty roles instead.
        for statement in _first_rights(schema):
            await connection.execute(statement)


async def _make_role(connection: "asyncpg.Connection", role: str, options: str) -> None:
    strong = await connection.fetchval(
        "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb"
        " FROM pg_roles WHERE rolname = $1",
        role,
    )
    if strong:
        raise WrongSetting(
            "SCHEMA", f"the role {role} exists and is too strong", f"drop the role {role}"
        )
    # The defaults of CREATE ROLE are what we want; naming them again would need a superuser.
    verb = "CREATE" if strong is None else "ALTER"
    await connection.execute(f"{verb} ROLE {role} {options}")


def _schema_statements(schema: str) -> list[str]:
    owner, app = f"{schema}_owner", f"{schema}_app"
    duties = ", ".join(f"{schema}_{duty}" for duty in DUTIES)
    return [
        f"GRANT {owner} TO CURRENT_USER",
        f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner}",
        f"REVOKE ALL ON SCHEMA {schema} FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA {schema} TO {app}, {duties}",
        # A duty is taken by SET ROLE, never had along with the others.
        f"ALTER ROLE {app} NOINHERIT",
        f"GRANT {duties} TO {app}",
        f"ALTER ROLE {owner} SET search_path = {schema}",
        f"ALTER ROLE {app} SET search_path = {schema}",
    ]


def _first_rights(schema: str) -> list[str]:
    grant = f"ALTER DEFAULT PRIVILEGES FOR ROLE {schema}_owner IN SCHEMA {schema} GRANT"
    return [
        f"{grant} SELECT, INSERT, UPDATE, DELETE ON TABLES TO {schema}_app",
        f"{grant} USAGE ON SEQUENCES TO {schema}_app",
    ]


def role_url(admin_url: str, *, role: str, password: str) -> str:
    """The same server and database, as another role."""
    url = make_url(admin_url).set(username=role, password=password, drivername="postgresql")
    return url.render_as_string(hide_password=False)


def main() -> None:
    """`bootstrap`: reads DATABASE_ADMIN_URL, SCHEMA, OWNER_PASSWORD, APP_PASSWORD."""
    if sys.argv[1:] != ["bootstrap"]:
        sys.stderr.write("usage: python -m opside_chassis.migration bootstrap\n")
        raise SystemExit(2)
    names = ("DATABASE_ADMIN_URL", "SCHEMA", "OWNER_PASSWORD", "APP_PASSWORD")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        refuse_start(WrongSetting(missing[0], "is not set", "set it for the bootstrap step"))
    admin_url, schema, owner_password, app_password = (os.environ[name] for name in names)
    try:
        asyncio.run(
            bootstrap(
                admin_url, schema=schema, owner_password=owner_password, app_password=app_password
            )
        )
    except WrongSetting as wrong:
        refuse_start(wrong)


if __name__ == "__main__":
    main()
