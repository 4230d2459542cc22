"""The migrated schema is the one the models describe, and it knows the same moves."""

import asyncio

from alembic import command
from sqlalchemy import text

from integrations_backend.cases.rules import TRANSITIONS
from opside_chassis.database import Sessions, transaction
from opside_chassis.migration import alembic_config
from opside_chassis.testing.plugin import MigratedDatabase, SchemaUnderTest


async def test_models_and_migrations_agree(
    migrated: MigratedDatabase, schema_under_test: SchemaUnderTest
) -> None:
    config = alembic_config(schema_under_test.alembic_ini, migrated.owner_url)
    await asyncio.to_thread(command.check, config)


async def test_the_migration_can_be_taken_back_and_repeated(
    migrated: MigratedDatabase, schema_under_test: SchemaUnderTest
) -> None:
    config = alembic_config(schema_under_test.alembic_ini, migrated.owner_url)
    await asyncio.to_thread(command.downgrade, config, "base")
    await asyncio.to_thread(command.upgrade, config, "head")


async def test_the_database_knows_the_same_case_transitions(sessions: Sessions) -> None:
    async with transaction(sessions) as session:
        rows = await session.execute(text("SELECT * FROM case_transitions"))
        assert {tuple(row) for row in rows} == {(of.value, to.value) for of, to in TRANSITIONS}
