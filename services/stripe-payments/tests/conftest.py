"""stripe-payments tests itself on its own migrated schema."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from door import Door, settings_of
from factories.commission_bench import Bench

from opside_chassis.database import Database
from opside_chassis.testing.plugin import SchemaUnderTest, Signing


@pytest.fixture(scope="session")
def schema_under_test() -> SchemaUnderTest:
    return SchemaUnderTest("payments", Path(__file__).parent.parent / "alembic.ini")


@pytest_asyncio.fixture(loop_scope="session")
async def door(committed_database: Database, signing: Signing) -> AsyncIterator[Door]:
    """stripe-payments on a database of its own, with a fake Stripe."""
    made = Door(settings_of(signing), committed_database, signing)
    async with made.opened():
        yield made


@pytest.fixture
def bench(door: Door) -> Bench:
    """A worker over the door's database and Stripe."""
    return Bench(door.database.sessions, door.stripe)
