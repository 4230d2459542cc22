"""The pytest plugin of every suite: real Postgres and Redis, a migrated schema, a clock that stands still.

A suite names its schema once, in its conftest:

    @pytest.fixture(scope="session")
    def schema_under_test() -> SchemaUnderTest:
        return SchemaUnderTest("payments", Path(__file__).parent.parent / "alembic.ini")

OPSIDE_TEST_BACKEND chooses the engines: `embedded` (from wheels), `containers` (testcontainers), `url`
(TEST_DATABASE_URL as administrator and TEST_REDIS_URL), or `auto`: containers when a Docker engine
answers, embedded otherwise.
"""

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, settings
from sqlalchemy import Connection, event, make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session, SessionTransaction

from opside_chassis.database import Database, Sessions
from opside_chassis.keyring import KeyRing, SigningKey
from opside_chassis.migration import bootstrap, migrate, role_url
from opside_chassis.testing.containers import docker_answers, postgres_container, redis_container
from opside_chassis.testing.engines import EmbeddedPostgres, EmbeddedRedis
from opside_chassis.testing.scratch import scratch_folder

# A busy machine is slow: that is no counter-example. What a code may cost has tests of its own.
settings.register_profile(
    "opside", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("opside")

FROZEN_START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
# Roles belong to the whole server: on a shared one (`url`) every process must set the same password.
_PASSWORD = hashlib.sha256(
    os.environ.get("TEST_DATABASE_URL", secrets.token_hex(16)).encode()
).hexdigest()


@dataclass(frozen=True, slots=True)
class SchemaUnderTest:
    """The schema a suite tests, made by its own migrations."""

    schema: str
    alembic_ini: Path
    role: str | None = None
    """The duty of the fixtures' databases, where the schema's migrations gave the rights to duties."""


@dataclass
class FrozenClock:
    """A `Clock` that moves only when told."""

    now: datetime = FROZEN_START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, *, seconds: float = 0, days: float = 0) -> None:
        """Move on."""
        self.now += timedelta(seconds=seconds, days=days)


@dataclass
class Signing:
    """Fresh signing keys of the three services, and the ring that knows them."""

    keys: dict[str, SigningKey] = field(
        default_factory=lambda: {
            name: SigningKey(f"{name}-1", name, Ed25519PrivateKey.generate())
            for name in ("main-api", "integrations-backend", "stripe-payments")
        }
    )

    def service(self, name: str) -> SigningKey:
        """The private key of one service."""
        return self.keys[name]

    @property
    def ring(self) -> KeyRing:
        """The public keys of all three."""
        return KeyRing([key.verification_key() for key in self.keys.values()])


def pytest_configure() -> None:
    """Tests and the processes they start speak to this machine alone: they trust no authority.

    Reading the machine's hundreds into every HTTP client took a third of a run.
    """
    os.environ.pop("SSL_CERT_FILE", None)
    os.environ["SSL_CERT_DIR"] = os.devnull


def _backend() -> str:
    chosen = os.environ.get("OPSIDE_TEST_BACKEND", "auto")
    if chosen == "auto":
        return "containers" if docker_answers() else "embedded"
    if chosen not in {"embedded", "containers", "url"}:
        raise pytest.UsageError(
            f"OPSIDE_TEST_BACKEND={chosen}: use auto, embedded, containers or url"
        )
    return chosen


def _named_address(variable: str) -> str:
    address = os.environ.get(variable)
    if not address:
        raise pytest.UsageError(f"OPSIDE_TEST_BACKEND=url: set {variable}")
    return address


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The administrator's address of a Postgres server."""
    backend = _backend()
    if backend == "url":
        yield _named_address("TEST_DATABASE_URL")
        return
    with ExitStack() as stack:
        if backend == "containers":
            yield stack.enter_context(postgres_container())
        else:
            folder = stack.enter_context(scratch_folder())
            server = EmbeddedPostgres(folder / "data", durable=False)
            yield stack.enter_context(server).url()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The address of a Redis server."""
    backend = _backend()
    if backend == "url":
        yield _named_address("TEST_REDIS_URL")
        return
    with ExitStack() as stack:
        if backend == "containers":
            yield stack.enter_context(redis_container())
        else:
            folder = stack.enter_context(scratch_folder())
            yield stack.enter_context(EmbeddedRedis(folder)).url


@pytest.fixture(scope="session")
def schema_under_test() -> SchemaUnderTest:
    """Overridden by each suite's conftest."""
    raise pytest.UsageError("this suite's conftest defines no schema_under_test")


def _at_database(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


async def _execute(admin_url: str, statement: str) -> None:
    connection = await asyncpg.connect(admin_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@dataclass(frozen=True, slots=True)
class MigratedDatabase:
    """A database with the suite's schema in it."""

    admin_url: str
    schema: str

    @property
    def app_url(self) -> str:
        """As the application role."""
        return role_url(self.admin_url, role=f"{self.schema}_app", password=_PASSWORD)

    @property
    def owner_url(self) -> str:
        """As the role that owns the tables."""
        return role_url(self.admin_url, role=f"{self.schema}_owner", password=_PASSWORD)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def template_database(
    postgres_url: str, schema_under_test: SchemaUnderTest
) -> AsyncIterator[MigratedDatabase]:
    """A migrated database nobody writes to: the others are copies of it."""

    name = f"opside_template_{secrets.token_hex(4)}"
    await _execute(postgres_url, f"CREATE DATABASE {name}")
    made = MigratedDatabase(_at_database(postgres_url, name), schema_under_test.schema)
    await bootstrap(
        made.admin_url, schema=made.schema, owner_password=_PASSWORD, app_password=_PASSWORD
    )
    await asyncio.to_thread(migrate, schema_under_test.alembic_ini, made.owner_url)
    yield made
    await _execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


async def _copy(postgres_url: str, template: MigratedDatabase) -> MigratedDatabase:
    name = f"opside_test_{secrets.token_hex(6)}"
    source = make_url(template.admin_url).database
    # As files: through the log, as Postgres does it by itself, takes twice as long.
    await _execute(postgres_url, f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY file_copy")
    return MigratedDatabase(_at_database(postgres_url, name), template.schema)


async def _drop(postgres_url: str, made: MigratedDatabase) -> None:
    name = make_url(made.admin_url).database
    await _execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database(
    postgres_url: str, template_database: MigratedDatabase, schema_under_test: SchemaUnderTest
) -> AsyncIterator[Database]:
    """One migrated database for the whole session, as the application role."""
    made = await _copy(postgres_url, template_database)
    opened = Database.connect(made.app_url, application_name="tests", role=schema_under_test.role)
    yield opened
    await opened.close()
    await _drop(postgres_url, made)


@pytest_asyncio.fixture(loop_scope="session")
async def sessions(database: Database) -> AsyncIterator[Sessions]:
    """Sessions on one connection whose work is rolled back after the test.

    A verb's commit becomes a savepoint; deferred constraints are not checked, and now() stands still.
    One connection: tests of races, crashes and real commits take `committed_sessions`.
    """
    async with database.engine.connect() as connection:
        await connection.begin()
        maker = async_sessionmaker(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        )
        forget = _forget_tenant_between_transactions(maker)
        yield maker
        forget()
        await connection.rollback()


def _forget_tenant_between_transactions(maker: Sessions) -> Callable[[], None]:
    """A savepoint keeps tenant and role of the transaction before it; a real commit would not."""

    class FreshSession(Session):
        pass

    def clear(_session: Session, begun: SessionTransaction, connection: Connection) -> None:
        if not begun.nested:
            connection.exec_driver_sql("SELECT set_config('opside.tenant', '', true)")
            connection.exec_driver_sql("RESET ROLE")

    maker.configure(sync_session_class=FreshSession)
    event.listen(FreshSession, "after_begin", clear)
    return lambda: event.remove(FreshSession, "after_begin", clear)


@pytest_asyncio.fixture(loop_scope="session")
async def migrated(
    postgres_url: str, template_database: MigratedDatabase
) -> AsyncIterator[MigratedDatabase]:
    """A database of the test's own, as addresses: for tests that start processes."""
    made = await _copy(postgres_url, template_database)
    yield made
    await _drop(postgres_url, made)


@pytest_asyncio.fixture(loop_scope="session")
async def committed_database(
    migrated: MigratedDatabase, schema_under_test: SchemaUnderTest
) -> AsyncIterator[Database]:
    """A database of the test's own, where commits are real."""
    opened = Database.connect(
        migrated.app_url, application_name="tests", role=schema_under_test.role, pool_size=20
    )
    yield opened
    await opened.close()


@pytest.fixture
def committed_sessions(committed_database: Database) -> async_sessionmaker[AsyncSession]:
    """Sessions of the test's own database."""
    return committed_database.sessions


@pytest_asyncio.fixture(loop_scope="session")
async def owner_connection(
    migrated: MigratedDatabase,
) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The owner's connection to the test's own database, to look and to break things."""
    connection = await asyncpg.connect(migrated.owner_url)
    yield connection
    await connection.close()


@pytest.fixture
def clock() -> FrozenClock:
    """A clock that moves only when told."""
    return FrozenClock()


@pytest.fixture(scope="session")
def signing() -> Signing:
    """Fresh keys of the three services."""
    return Signing()
