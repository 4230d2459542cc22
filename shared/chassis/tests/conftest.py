"""The chassis tests itself on a schema of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from schema_tables import SCHEMA

from opside_chassis.database import Database
from opside_chassis.testing.plugin import MigratedDatabase, SchemaUnderTest

pytest_plugins = ["http_callee"]


@pytest.fixture(scope="session")
def schema_under_test() -> SchemaUnderTest:
    return SchemaUnderTest(SCHEMA, Path(__file__).parent / "schema" / "alembic.ini")


@pytest_asyncio.fixture(loop_scope="session")
async def migrated_admin(migrated: MigratedDatabase) -> AsyncIterator[Database]:
    """The administrator's connection to the test's own database."""
    opened = Database.connect(migrated.admin_url, application_name="tests")
    yield opened
    await opened.close()
