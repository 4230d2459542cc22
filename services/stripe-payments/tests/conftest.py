"""stripe-payments tests itself on its own migrated schema."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from door import Door, settings_of
from factories.commission_bench import Bench
from factories.hostile_scene import Attacker, set_scene

from opside_chassis.database import Database, Sessions
from opside_chassis.testing.plugin import MigratedDatabase, SchemaUnderTest, Signing
from stripe_payments.roles import API, WORKER


@pytest.fixture(scope="session")
def schema_under_test() -> SchemaUnderTest:
    return SchemaUnderTest("payments", Path(__file__).parent.parent / "alembic.ini", role=WORKER)


@pytest_asyncio.fixture(loop_scope="session")
async def api_database(migrated: MigratedDatabase) -> AsyncIterator[Database]:
    """The test's own database, as the app sees it."""
    opened = Database.connect(migrated.app_url, application_name="tests", role=API, pool_size=20)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="session")
async def door(api_database: Database, signing: Signing) -> AsyncIterator[Door]:
    """stripe-payments on a database of its own, with a fake Stripe."""
    made = Door(settings_of(signing), api_database, signing)
    async with made.opened():
        yield made


@pytest.fixture
def bench(door: Door, committed_sessions: Sessions) -> Bench:
    """A worker over the door's database and Stripe."""
    return Bench(committed_sessions, door.database.sessions, door.stripe)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(
    postgres_url: str, template_database: MigratedDatabase
) -> AsyncIterator[MigratedDatabase]:
    """One row of everything; nobody changes it, so that a module's tests share it."""
    async with set_scene(postgres_url, template_database) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def attacker(scene: MigratedDatabase) -> AsyncIterator[Attacker]:
    """Somebody with the application's password."""
    connection = await asyncpg.connect(scene.app_url)
    yield Attacker(connection)
    await connection.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def owner(scene: MigratedDatabase) -> AsyncIterator[Attacker]:
    """Somebody with the password of the tables' owner: only triggers and constraints stop him."""
    connection = await asyncpg.connect(scene.owner_url)
    yield Attacker(connection)
    await connection.close()
