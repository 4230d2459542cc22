"""A list of fifty asks the database as often as a list of one."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest_asyncio
from door import Door, settings_of
from factories.hostile_scene import set_scene

from opside_chassis.database import Database
from opside_chassis.testing.list_growth import LENGTHS, multiply, statements_of
from opside_chassis.testing.plugin import MigratedDatabase, Signing
from stripe_payments.roles import API

TODAY = datetime.now(UTC).date()
ONE_OF_EACH = (
    "DELETE FROM commissions WHERE id <> 'txn_done'",
    "DELETE FROM clawbacks WHERE id <> 'clw_done'",
    "DELETE FROM stripe_subscriptions WHERE id <> 'sbn_live'",
    "DELETE FROM stripe_invoices WHERE id <> 'in_paid'",
    "DELETE FROM inbox WHERE id <> 'inb_2'",
    "DELETE FROM breaks WHERE id <> 'brk_open'",
    "UPDATE breaks SET first_seen_at = now() - interval '9 days'",
    "INSERT INTO seller_rates (id, user_id, rate_bp, note, set_by)"
    " VALUES ('rat_1', 'usr_a', 1500, 'why', 'usr_admin')",
)
VARIED = {
    "payments.commissions": ["id", "claim_id", "intent_id", "charge_id", "transfer_id"],
    "payments.clawbacks": ["id", "commission_id", "transfer_reversal_id", "refund_id"],
    "payments.journals": ["id", "effect", "commission_id", "transaction_number"],
    "payments.postings": ["journal_id"],
    "payments.transaction_audit": ["id", "version"],
    "payments.stripe_subscriptions": ["id", "subscription_id", "price_id"],
    "payments.stripe_invoices": ["id"],
    "payments.seller_rates": ["id", "user_id"],
    "payments.cases": ["id", "reference"],
    "payments.breaks": ["id", "reference"],
    "payments.inbox": ["id", "event_id"],
}
LISTS = {
    "/api/v1/stripe/transactions/usr_a": "items",
    "/api/v1/stripe/users/usr_a/transactions": "items",
    "/api/v1/stripe/invoices/usr_a": "items",
    "/api/v1/stripe/subscriptions/usr_a": "",
    "/api/v1/stripe/audit-trail/txn_done": "entries",
    "/api/v1/stripe/rates": "",
    "/api/v1/stripe/cases": "",
    "/api/v1/stripe/reconciliation-summary": "breaks",
    "/api/v1/stripe/unprocessed-webhooks": "events",
}
"""Every list, and where its items are."""
SUMS = (
    "/api/v1/stripe/user-audit/usr_a",
    "/api/v1/stripe/ledger/proof",
    "/api/v1/stripe/audit/verify",
    "/api/v1/stripe/queue-stats",
    "/api/v1/stripe/idempotency-stats",
    f"/api/v1/stripe/finance-export?from={TODAY - timedelta(days=30)}&to={TODAY}",
)
"""What is made of many rows and shows no list of them."""


@pytest_asyncio.fixture(loop_scope="session")
async def one_of_each(
    postgres_url: str, template_database: MigratedDatabase
) -> AsyncIterator[MigratedDatabase]:
    async with set_scene(postgres_url, template_database) as scene:
        administrator = await asyncpg.connect(
            scene.admin_url,
            server_settings={"search_path": "payments", "session_replication_role": "replica"},
        )
        for statement in ONE_OF_EACH:
            await administrator.execute(statement)
        await administrator.close()
        yield scene


async def statements_a_list(door: Door, length: int) -> dict[str, int]:
    """How often each list and sum asks, once there are so many items."""
    admin, asked = door.person("usr_admin", role="admin"), {}
    for path in (*LISTS, *SUMS):
        query = {} if path in SUMS else {"params": {"limit": 100}}
        with statements_of(door.database.engine) as said:
            answer = await door.ask("GET", path, headers=admin, **query)
        assert answer.status_code == 200, (path, answer.text)
        if path in LISTS:
            page = answer.json()
            assert len(page[LISTS[path]] if LISTS[path] else page) == length, path
        asked[path] = len(said)
    return asked


async def test_no_list_asks_once_a_row(one_of_each: MigratedDatabase, signing: Signing) -> None:
    database = Database.connect(one_of_each.app_url, application_name="tests", role=API)
    asked, rows = [], 1
    async with Door(settings_of(signing), database, signing).opened() as door:
        for length in LENGTHS:
            await multiply(one_of_each.admin_url, VARIED, copies=length // rows - 1)
            asked.append(await statements_a_list(door, length))
            rows = length
    await database.close()
    assert asked == [asked[0]] * len(LENGTHS)


def test_no_list_is_forgotten(door: Door) -> None:
    """What answers a page is a list."""
    described = door.app.openapi()["paths"]
    pages = {
        path.format(user_id="usr_a", reference="usr_a")
        for path, operations in described.items()
        if "Page_" in str(operations.get("get", {}).get("responses", {}))
    }
    assert pages
    assert pages <= LISTS.keys()
