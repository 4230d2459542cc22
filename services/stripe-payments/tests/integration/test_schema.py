"""The migrated schema is the one the models describe, and it refuses what code should never try."""

import asyncio
from datetime import UTC, datetime

import asyncpg
import pytest
from alembic import command
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.migration import alembic_config
from opside_chassis.money import share_of
from opside_chassis.testing.plugin import MigratedDatabase, SchemaUnderTest
from stripe_payments.commissions.models import Commission
from stripe_payments.commissions.queries import insert_commission
from stripe_payments.commissions.rules import TRANSITIONS, split
from stripe_payments.ledger.book import book_charge
from stripe_payments.roles import API


async def test_models_and_migrations_agree(
    migrated: MigratedDatabase, schema_under_test: SchemaUnderTest
) -> None:
    await asyncio.to_thread(
        command.check, alembic_config(schema_under_test.alembic_ini, migrated.owner_url)
    )


async def test_the_database_knows_the_same_transitions(sessions: Sessions) -> None:
    async with transaction(sessions) as session:
        rows = await session.execute(
            text("SELECT from_state, to_state FROM commission_transitions")
        )
        assert {tuple(row) for row in rows} == {(of.value, to.value) for of, to in TRANSITIONS}


async def test_the_database_rounds_as_we_do(sessions: Sessions) -> None:
    cases = [(a, r) for a in (1, 2, 3, 5, 12, 99, 101, 12_345_678) for r in (1, 1250, 2000, 9999)]
    async with transaction(sessions) as session:
        for amount, rate in cases:
            query = text("SELECT share_of(:amount, :rate)")
            found = (await session.execute(query, {"amount": amount, "rate": rate})).scalar_one()
            assert found == share_of(amount, rate)


@given(st.integers(1, 10**10), st.integers(0, 10_000))
def test_fee_and_share_are_what_was_recovered(amount: int, rate: int) -> None:
    fee, share = split(amount, rate)
    assert fee + share == amount
    assert min(fee, share) >= 0


def commission(**changes: object) -> Commission:
    values = {
        "id": "txn_1",
        "user_id": "usr_a",
        "claim_id": "clm_1",
        "recovery_id": "777",
        "amount_minor": 10_000,
        "currency": "usd",
        "rate_bp": 2_000,
        "fee_minor": 2_000,
        "share_minor": 8_000,
        "collection": "gross",
        "charge_minor": 10_000,
        "state": "accepted",
    }
    return Commission(**(values | changes))


TO_CHARGED = (
    "UPDATE commissions SET state = 'preparing', deadline_at = now()",
    "UPDATE commissions SET state = 'ready', intent_id = 'pi_1'",
    "UPDATE commissions SET state = 'confirming'",
    "UPDATE commissions SET state = 'charged', collected_minor = 10000, charge_id = 'ch_1'",
)


async def charged(sessions: Sessions) -> None:
    async with transaction(sessions, tenant="usr_a", role=API) as session:
        await insert_commission(session, commission(deadline_at=datetime.now(UTC)))
    async with transaction(sessions, tenant="usr_a") as session:
        for statement in TO_CHARGED:
            await session.execute(text(statement))
        await book_charge(
            session,
            commission_id="txn_1",
            charge_id="ch_1",
            currency="usd",
            fee_minor=2_000,
            owed_minor=8_000,
        )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE commissions SET amount_minor = 1",
        "UPDATE commissions SET fee_minor = 0, share_minor = 10000",
        "UPDATE commissions SET rate_bp = 100",
        "UPDATE commissions SET collection = 'fee_only', charge_minor = 2000",
        "UPDATE commissions SET user_id = 'usr_b'",
        "UPDATE commissions SET intent_id = 'pi_2'",
        "UPDATE commissions SET intent_id = NULL",
        "UPDATE commissions SET charge_id = 'ch_2'",
        "UPDATE commissions SET collected_minor = 0",
        "UPDATE commissions SET collected_minor = 20000",
        "UPDATE commissions SET state = 'accepted'",
        "UPDATE commissions SET state = 'failed', deadline_at = NULL",
        "UPDATE commissions SET state = 'confirming'",
        "UPDATE commissions SET state = 'transferring', reserved_minor = 8001",
        "UPDATE commissions SET state = 'settled', deadline_at = NULL, transferred_minor = 8001",
        "UPDATE commissions SET state = 'settled', deadline_at = NULL, transferred_minor = 10000",
        "UPDATE commissions SET reserved_minor = -1",
        "UPDATE commissions SET refunded_minor = 10001",
        "UPDATE commissions SET state = 'settled'",
        "UPDATE commissions SET state = 'nonsense'",
        "DELETE FROM commissions",
        "DELETE FROM journals",
        "UPDATE journals SET kind = 'transfer'",
        "UPDATE postings SET amount_minor = 1",
        "DELETE FROM postings",
        "INSERT INTO postings SELECT id, 9, 'asset:stripe_balance', 'usd', 5 FROM journals",
        "INSERT INTO journals VALUES ('jrn_9', 'charge', 'ch_9', 'txn_1', now(), 1)",
        "INSERT INTO journals VALUES"
        " ('jrn_9', 'charge', 'ch_1', 'txn_1', now(), pg_current_xact_id()::text::bigint)",
        "INSERT INTO transaction_audit (object_id, user_id, version, to_state, figures, actor,"
        " previous_hash, hash) VALUES ('txn_1', 'usr_a', 9, 'x', '{}', 'me', '', '')",
        "UPDATE transaction_audit SET actor = 'nobody'",
        "DELETE FROM transaction_audit",
        "INSERT INTO commission_transitions VALUES ('settled', 'accepted')",
        "UPDATE idempotency_keys SET caller = 'x'; DELETE FROM stripe_accounts",
        "DELETE FROM inbox",
        "DELETE FROM cases",
    ],
)
async def test_the_database_refuses(committed_sessions: Sessions, statement: str) -> None:
    await charged(committed_sessions)
    with pytest.raises(DBAPIError):
        async with transaction(committed_sessions, tenant=EVERY_TENANT) as session:
            await session.execute(text(statement))


@pytest.mark.parametrize(
    "amounts",
    [(("asset:stripe_balance", 5), ("revenue:commission", -4)), (("asset:stripe_balance", 5),)],
)
async def test_a_journal_that_does_not_balance_is_refused_at_commit(
    committed_sessions: Sessions, amounts: tuple[tuple[str, int], ...]
) -> None:
    await charged(committed_sessions)
    with pytest.raises(DBAPIError, match=r"sum to zero|two lines"):
        async with transaction(committed_sessions, tenant=EVERY_TENANT) as session:
            await session.execute(
                text(
                    "INSERT INTO journals VALUES ('jrn_9', 'transfer', 'tr_9', 'txn_1', now(),"
                    " pg_current_xact_id()::text::bigint)"
                )
            )
            for line, (account, amount) in enumerate(amounts, start=1):
                await session.execute(
                    text("INSERT INTO postings VALUES ('jrn_9', :line, :account, 'usd', :amount)"),
                    {"line": line, "account": account, "amount": amount},
                )


async def test_the_audit_chain_tells_of_a_changed_entry(
    committed_sessions: Sessions, migrated: MigratedDatabase
) -> None:

    await charged(committed_sessions)
    administrator = await asyncpg.connect(migrated.admin_url)
    broken = "SELECT count(*) FROM payments.broken_audit_links('txn_1')"
    assert await administrator.fetchval(broken) == 0
    await administrator.execute(
        "ALTER TABLE payments.transaction_audit DISABLE TRIGGER keep_for_ever;"
        "UPDATE payments.transaction_audit SET to_state = 'failed' WHERE version = 3"
    )
    assert await administrator.fetchval(broken) == 1
    await administrator.close()
