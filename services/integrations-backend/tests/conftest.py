"""integrations-backend tests itself on its own migrated schema."""

from pathlib import Path

import pytest

from opside_chassis.testing.plugin import SchemaUnderTest


@pytest.fixture(scope="session")
def schema_under_test() -> SchemaUnderTest:
    return SchemaUnderTest("integrations", Path(__file__).parent.parent / "alembic.ini")
