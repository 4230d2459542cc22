"""integrations-backend tests itself on its own migrated schema."""

from pathlib import Path

import pytest
from fakes.amazon_fake import FakeAmazon
from service import Service, build

from opside_chassis.database import Database
from opside_chassis.testing.plugin import FrozenClock, SchemaUnderTest


@pytest.fixture(scope="session")
def schema_under_test() -> SchemaUnderTest:
    return SchemaUnderTest("integrations", Path(__file__).parent.parent / "alembic.ini")


@pytest.fixture
def amazon() -> FakeAmazon:
    return FakeAmazon()


@pytest.fixture
def service(
    committed_database: Database, tmp_path: Path, amazon: FakeAmazon, clock: FrozenClock
) -> Service:
    """The service over its own database, with an Amazon in memory."""
    return build(committed_database, tmp_path / "archive", amazon=amazon, clock=clock)
