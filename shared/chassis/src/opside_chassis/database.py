"""Postgres as every service uses it: one schema a service, its roles, tenants kept apart by row security.

The owner role (`<schema>_owner`) runs migrations and owns the tables. The application role
(`<schema>_app`) only reads and writes rows; it owns nothing and cannot switch row security off.
A service that must not do everything in one name gives rights to the duty roles (`DUTIES`) instead;
the application role then has none itself, and every transaction takes one duty.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Self

from sqlalchemy import URL, BigInteger, DateTime, MetaData, Text, event, make_url, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from opside_chassis.driver_pool import PLACE_TIMEOUT_SECONDS, DriverPool, connect
from opside_chassis.settings import WrongSetting

Sessions = async_sessionmaker[AsyncSession]

EVERY_TENANT = "*"
"""The tenant of work that belongs to no single user: relays, sweeps, admin reads (decision 0004)."""

DUTIES = ("api", "worker", "janitor", "admin", "auditor")
"""Roles `<schema>_<duty>` (facts/money-safety.md section 2): `api` creates requests, `worker` performs
them, `janitor` resolves them, `admin` orders, `auditor` reads. Nobody logs in as one of them."""

STATEMENT_TIMEOUT_MS = 5_000
LOCK_TIMEOUT_MS = 2_000
IDLE_TRANSACTION_TIMEOUT_MS = 10_000
"""Limits of facts/money-safety.md section 9."""
POOL_SIZE = 10
DRIVER_POOL_SIZE = 10
"""Opened as they are needed; half as many cost an eighth of the webhooks that a process can take."""
CONNECT_TIMEOUT_SECONDS = 10.0

_DRIVER = "opside.driver"
"""Under this name sessions know the pool beside them."""
_open_transactions: ContextVar[int] = ContextVar("open_transactions", default=0)

_NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


COLUMN_TYPES: dict[Any, Any] = {
    str: Text(),
    int: BigInteger(),
    datetime: DateTime(timezone=True),
    dict[str, Any]: JSONB(),
}
"""What a `Mapped[...]` type is in Postgres; the `type_annotation_map` of every service's base."""


def schema_metadata(schema: str) -> MetaData:
    """The metadata of a service's schema, with constraints named alike everywhere."""
    return MetaData(schema=schema, naming_convention=_NAMING)


def asyncpg_url(url: str) -> URL:
    """The address for SQLAlchemy's asyncpg driver; libpq's `sslmode` becomes asyncpg's `ssl`."""
    parsed = make_url(url).set(drivername="postgresql+asyncpg")
    sslmode = parsed.query.get("sslmode")
    if sslmode is None:
        return parsed
    return parsed.difference_update_query(["sslmode"]).update_query_dict({"ssl": sslmode})


def driver_url(url: str) -> str:
    """The address for bare asyncpg, also of an `asyncpg_url`; there `ssl` is called `sslmode`."""
    parsed = make_url(url).set(drivername="postgresql")
    ssl = parsed.query.get("ssl")
    if ssl is not None:
        parsed = parsed.difference_update_query(["ssl"]).update_query_dict({"sslmode": ssl})
    return parsed.render_as_string(hide_password=False)


@dataclass(frozen=True, slots=True)
class Database:
    """A service's pool of connections, as the application role."""

    engine: AsyncEngine
    sessions: Sessions
    driver: DriverPool

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        application_name: str,
        role: str | None = None,
        pool_size: int = POOL_SIZE,
    ) -> Self:
        """Open a pool lazily; the first query connects.

        `role` is the duty of every transaction that names no other one.
        """
        opened = partial(
            connect,
            driver_url(url),
            patience_seconds=CONNECT_TIMEOUT_SECONDS,
            server_settings=_server_settings(application_name, role),
        )
        engine = create_async_engine(
            asyncpg_url(url),
            async_creator=opened,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=PLACE_TIMEOUT_SECONDS,
            # An error's text goes to logs and `last_error`: it must not carry the values of a row.
            hide_parameters=True,
        )
        event.listen(engine.sync_engine, "checkout", _refuse_closed)
        driver = DriverPool(opened, size=DRIVER_POOL_SIZE)
        info = {_DRIVER: driver}
        return cls(engine, async_sessionmaker(engine, expire_on_commit=False, info=info), driver)

    async def close(self) -> None:
        """Close every connection."""
        await self.driver.close()
        await self.engine.dispose()


def _refuse_closed(connection: Any, _record: object, _proxy: object) -> None:  # noqa: ANN401
    """Have the pool open another one where the server hung up meanwhile.

    The driver knows that without asking. SQLAlchemy's own `pool_pre_ping` asks in a transaction of
    its own: three round trips more for each of ours.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError("the server has closed this connection")


def _server_settings(application_name: str, role: str | None) -> dict[str, str]:
    settings = {
        "application_name": application_name,
        "statement_timeout": str(STATEMENT_TIMEOUT_MS),
        "lock_timeout": str(LOCK_TIMEOUT_MS),
        "idle_in_transaction_session_timeout": str(IDLE_TRANSACTION_TIMEOUT_MS),
        "timezone": "UTC",
    }
    return settings if role is None else settings | {"role": role}


def driver_beside(sessions: Sessions) -> DriverPool:
    """The bare driver of the same database, for statements that are transactions of their own."""
    driver: DriverPool = sessions.kw["info"][_DRIVER]
    return driver


@asynccontextmanager
async def transaction(
    sessions: Sessions, *, tenant: str | None = None, role: str | None = None
) -> AsyncIterator[AsyncSession]:
    """One transaction, committed on leaving, rolled back on an error.

    `tenant` is the user whose rows it sees, or `EVERY_TENANT`; without it, tables with a tenant
    show no rows. `role` is its duty, if not that of its `Database`. While it is open,
    `refuse_open_transaction` refuses calls to the outside.
    """
    token = _open_transactions.set(_open_transactions.get() + 1)
    try:
        async with sessions.begin() as session:
            await _act_as(session, tenant=tenant, role=role)
            yield session
    finally:
        _open_transactions.reset(token)


async def set_tenant(session: AsyncSession, tenant: str) -> None:
    """Name the tenant of the rest of this transaction."""
    await _act_as(session, tenant=tenant, role=None)


async def _act_as(session: AsyncSession, *, tenant: str | None, role: str | None) -> None:
    """Both are settings of the transaction, made in one statement; none is no statement."""
    named = {"tenant": tenant, "role": role}
    values = {name: value for name, value in named.items() if value is not None}
    if values:
        calls = ", ".join(f"set_config('{_SETTINGS[name]}', :{name}, true)" for name in values)
        await session.execute(text(f"SELECT {calls}"), values)


_SETTINGS = {"tenant": "opside.tenant", "role": "role"}


def refuse_open_transaction() -> None:
    """Called first by everything that talks to another process.

    A transaction held across a network call keeps locks for as long as a stranger likes.

    Raises:
        RuntimeError: a `transaction` is open in this task.
    """
    if _open_transactions.get():
        raise RuntimeError("a database transaction is open across a call to another process")


def tenant_policy_sql(table: str, *, column: str = "user_id") -> list[str]:
    """Statements for a migration: rows of `table` are seen only by their tenant, by owners too."""
    seen = "current_setting('opside.tenant', true)"
    rule = f"({column} = {seen} OR {seen} = '{EVERY_TENANT}')"
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY tenant ON {table} USING {rule} WITH CHECK {rule}",
    ]


_NO_SUCH_DUTY = {"22023", "42501"}
"""SQL states of SET ROLE: there is no such role; it was not granted to the login role."""


async def check_application_role(engine: AsyncEngine, schema: str, *, durable: bool) -> None:
    """Refuse to start as a role that could undo what the database guards.

    With `durable` (production) also refuse a server that may lose committed transactions.

    Raises:
        WrongSetting: DATABASE_URL names a superuser, a role that skips row security, or the owner;
            or one that may not take the duty of its `Database`.
    """
    query = text(
        """
        SELECT r.rolsuper OR r.rolbypassrls AS too_strong,
               EXISTS (SELECT 1 FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid
                        WHERE n.nspname = :schema AND c.relkind IN ('r', 'p', 'v', 'm')
                          AND pg_has_role(session_user, c.relowner, 'member')) AS owns,
               current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on'
                 AND current_setting('synchronous_commit') <> 'off' AS durable
          FROM pg_roles r WHERE r.rolname = session_user
        """
    )
    try:
        async with engine.connect() as connection:
            row = (await connection.execute(query, {"schema": schema})).one()
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in _NO_SUCH_DUTY:
            raise
        raise WrongSetting(
            "DATABASE_URL", f"cannot work as its duty: {error.orig}", "run the bootstrap step again"
        ) from error
    if row.too_strong or row.owns:
        raise WrongSetting(
            "DATABASE_URL",
            f"connects as a role that owns or outranks the tables of schema {schema}",
            f"use the role {schema}_app",
        )
    if durable and not row.durable:
        raise WrongSetting(
            "DATABASE_URL",
            "the server may lose committed transactions"
            " (fsync, full_page_writes or synchronous_commit is off)",
            "switch them on",
        )
