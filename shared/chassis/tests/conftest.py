"""The chassis tests itself on a schema of its own."""

from pathlib import Path

import pytest
from schema_tables import SCHEMA

from opside_chassis.testing.plugin import SchemaUnderTest


@pytest.fixture(scope="session")
def schema_under_test() -> SchemaUnderTest:
    return SchemaUnderTest(SCHEMA, Path(__file__).parent / "schema" / "alembic.ini")
