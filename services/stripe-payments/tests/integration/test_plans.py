"""Hot paths cost the same however many rows there are: no statement reads a whole table.

The statements are not listed here: one commission lives its life, and what was said to Postgres is
planned again over many rows, as the role that said it. Only what triggers ask is repeated here.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
import pytest_asyncio
from door import Door
from factories.commission_bench import GROSS, POLICY, Bench, ask
from fakes.stripe_fake import GOOD
from sqlalchemy import event

from opside_chassis import inbox
from opside_chassis.acceptance import _statement
from opside_chassis.database import Database
from opside_chassis.jobs import drain
from opside_chassis.testing.plugin import MigratedDatabase
from stripe_payments.commissions.charge import _fresh
from stripe_payments.commissions.queries import values_of
from stripe_payments.roles import API, WORKER

SMALL = {"commission_transitions", "clawback_transitions"}
"""Rules, a few dozen rows for ever."""

PARAMETER = re.compile(r"\$(\d+)")
OF_TRIGGERS = {
    "SELECT a.hash FROM transaction_audit a WHERE a.object_id = $1 ORDER BY a.id DESC LIMIT 1",
    "SELECT count(*) FROM postings p WHERE p.journal_id = $1",
    "SELECT 1 FROM journals j WHERE j.id = $1 AND j.transaction_number = $2",
}
FILL = """
SET session_replication_role = replica;
INSERT INTO payments.commissions (id, user_id, claim_id, recovery_id, amount_minor, currency, rate_bp,
    fee_minor, share_minor, collection, charge_minor, state, intent_id, charge_id, collected_minor,
    transferred_minor, transfer_id)
SELECT 'txn_old_' || n, 'usr_' || n % 1000, 'clm_' || n, '7', 10000, 'usd', 2000, 2000, 8000, 'gross',
    10000, 'settled', 'pi_old_' || n, 'ch_old_' || n, 10000, 8000, 'tr_old_' || n
  FROM generate_series(1, {rows}) n;
INSERT INTO payments.outbox (id, kind, payload, tenant, dedupe_key, status, finished_at)
SELECT 'obx_old_' || n, 'collect_commission', '{{}}', 'usr_' || n % 1000, 'old:' || n, 'done', now()
  FROM generate_series(1, {rows}) n;
INSERT INTO payments.inbox (id, source, event_id, type, payload, status)
SELECT 'inb_old_' || n, 'stripe', 'evt_old_' || n, 'charge.succeeded', '{{}}', 'applied'
  FROM generate_series(1, {rows}) n;
INSERT INTO payments.idempotency_keys (caller, route, key, fingerprint, status_code, body, resource_id)
SELECT 'main-api', 'POST /x', 'old-' || n, 'f', 202, '{{}}', 'txn_old_' || n
  FROM generate_series(1, {rows}) n;
INSERT INTO payments.used_token_ids
SELECT 'main-api', 'old_' || n, now() FROM generate_series(1, {rows}) n;
INSERT INTO payments.transaction_audit (object_id, user_id, version, to_state, figures, actor,
    previous_hash, hash)
SELECT 'txn_old_' || n, 'usr_' || n % 1000, 1, 'settled', '{{}}', 'fill', '', n::text
  FROM generate_series(1, {rows}) n;
INSERT INTO payments.journals (id, kind, effect, commission_id, transaction_number)
SELECT 'jrn_old_' || n, 'charge', 'ch_old_' || n, 'txn_old_' || n, 1 FROM generate_series(1, {rows}) n;
INSERT INTO payments.postings
SELECT 'jrn_old_' || n, line, 'asset:stripe_balance', 'usd', 10000 * (3 - 2 * line)
  FROM generate_series(1, {rows}) n, generate_series(1, 2) line;
INSERT INTO payments.cases (id, kind, reference, reason, closed_at)
SELECT 'hum_old_' || n, 'dispute', 'txn_old_' || n, '', CASE WHEN n % 100 > 0 THEN now() END
  FROM generate_series(1, {rows}) n;
INSERT INTO payments.stripe_customers (user_id) SELECT 'usr_' || n FROM generate_series(1, {rows}) n;
INSERT INTO payments.stripe_accounts (user_id, country)
SELECT 'usr_' || n, 'US' FROM generate_series(1, {rows}) n;
SET session_replication_role = origin;
ANALYZE;
"""


@pytest_asyncio.fixture(loop_scope="session")
async def administrator(migrated: MigratedDatabase) -> AsyncIterator["asyncpg.Connection"]:
    connection = await asyncpg.connect(migrated.admin_url)
    yield connection
    await connection.close()


@asynccontextmanager
async def heard(database: Database) -> AsyncIterator[set[str]]:
    """Everything that SQLAlchemy says to Postgres meanwhile."""
    said: set[str] = set()

    def hear(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        said.add(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", hear)
    yield said
    event.remove(database.engine.sync_engine, "before_cursor_execute", hear)


async def live(door: Door, bench: Bench) -> None:
    """From the request to rest, with its webhooks, doubled."""
    await ask(bench.api, GROSS)
    await ask(bench.api, GROSS)
    await ask(bench.api, GROSS, key="key-2")
    for _ in range(3):
        await drain(bench.workshop, ignore_due=True)
        for kind in ("payment_intent.succeeded", "transfer.created"):
            body = {"id": f"evt_{kind}", "type": kind, "livemode": False}
            about = {"id": "pi_1", "transfer_group": "txn_1"}
            await door.deliver(body | {"data": {"object": about}})


async def whole_table_reads(
    administrator: "asyncpg.Connection", role: str, statement: str
) -> list[str]:
    """The plan's sequential scans, as this role meets its row policies."""
    async with administrator.transaction():
        await administrator.execute(f"SET LOCAL ROLE {role}; SET LOCAL search_path = payments")
        await administrator.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await administrator.execute(f"PREPARE asked AS {statement}")
        nulls = ["NULL"] * max((int(number) for number in PARAMETER.findall(statement)), default=0)
        arguments = f"({', '.join(nulls)})" if nulls else ""
        plan = await administrator.fetch(f"EXPLAIN EXECUTE asked{arguments}")
        await administrator.execute("DEALLOCATE asked")
    lines = (re.search(r"Seq Scan on (\w+)", row[0]) for row in plan)
    return [found[1] for found in lines if found and found[1] not in SMALL]


@pytest.mark.parametrize("rows", [10_000, 200_000])
async def test_no_hot_path_reads_a_whole_table(
    door: Door,
    bench: Bench,
    committed_database: Database,
    administrator: "asyncpg.Connection",
    rows: int,
) -> None:
    await administrator.execute(FILL.format(rows=rows), timeout=120)
    await bench.save_card(GOOD)
    await bench.payout_account(active=True)
    async with heard(door.database) as by_api, heard(committed_database) as by_worker:
        await live(door, bench)
    state = "SELECT state FROM payments.commissions WHERE user_id = 'usr_a'"
    assert await administrator.fetchval(state) == "settled"
    columns = tuple(values_of(_fresh(GROSS, POLICY)))
    at_once = {_statement("commissions", columns), inbox._RECEIVE}
    found = {
        statement: reads
        for role, said in (
            (API, by_api | at_once),
            (WORKER, by_worker),
            ("payments_owner", OF_TRIGGERS),
        )
        for statement in said
        if (reads := await whole_table_reads(administrator, role, statement))
    }
    assert len(by_api) > 5
    assert len(by_worker) > 20
    assert found == {}
