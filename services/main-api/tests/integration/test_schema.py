"""The migrated schema is the one the models describe, and it refuses what code should never try."""

import asyncio
from datetime import UTC, datetime

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from main_api.recoveries.models import Recovery
from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.migration import alembic_config
from opside_chassis.testing.plugin import MigratedDatabase, SchemaUnderTest


async def test_models_and_migrations_agree(
    migrated: MigratedDatabase, schema_under_test: SchemaUnderTest
) -> None:

    await asyncio.to_thread(
        command.check, alembic_config(schema_under_test.alembic_ini, migrated.owner_url)
    )


def recovery(**changes: object) -> Recovery:
    values = {
        "id": "rcv_1",
        "user_id": "usr_a",
        "recovery_id": "777",
        "case_id": "cas_1",
        "claim_id": "clm_1",
        "claim_type": "warehouse_lost",
        "amount_minor": 1000,
        "currency": "usd",
        "quantity": 1,
        "approved_at": datetime(2026, 11, 1, tzinfo=UTC),
        "billable": True,
        "rule_version": "1",
    }
    return Recovery(**(values | changes))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE recoveries SET amount_minor = 2000",
        "UPDATE recoveries SET currency = 'eur'",
        "UPDATE recoveries SET billable = false, not_billable_reason = 'x'",
        "UPDATE recoveries SET fee_minor = 1001",
        "UPDATE recoveries SET transferred_minor = 1",
        "UPDATE recoveries SET user_id = 'usr_b'",
        "UPDATE recoveries SET commission_version = -1",
        "DELETE FROM recoveries",
        "INSERT INTO users (id, amazon_user_id, email, name, role) VALUES ('u', 'a', '', '', 'root')",
        "INSERT INTO reversals VALUES ('usr_a', 'r', 'unknown', 1, 'usd', now(), null)",
    ],
)
async def test_the_database_refuses(sessions: Sessions, statement: str) -> None:
    async with transaction(sessions, tenant="usr_a") as session:
        session.add(recovery())
    with pytest.raises(
        DBAPIError, match=r"check constraint|never changes|denied|foreign key|row-lev"
    ):
        async with transaction(sessions, tenant=EVERY_TENANT) as session:
            await session.execute(text(statement))


async def test_a_recovery_that_is_not_ours_carries_no_fee(sessions: Sessions) -> None:
    with pytest.raises(DBAPIError, match="not_billed"):
        async with transaction(sessions, tenant="usr_a") as session:
            session.add(recovery(billable=False, not_billable_reason="paid before us", fee_minor=1))


async def test_rows_of_another_tenant_do_not_exist(sessions: Sessions) -> None:
    async with transaction(sessions, tenant="usr_a") as session:
        session.add(recovery())
    for tenant, expected in (("usr_a", 1), ("usr_b", 0), (None, 0)):
        async with transaction(sessions, tenant=tenant) as session:
            rows = (await session.execute(text("SELECT count(*) FROM recoveries"))).scalar_one()
        assert rows == expected
