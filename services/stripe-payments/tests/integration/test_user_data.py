"""A seller's right to his data: the books stay and still prove themselves, what names him goes."""

import json

import asyncpg
import httpx
import pytest
from door import Door
from factories.commission_bench import GROSS, Bench, ask
from fakes.stripe_fake import DECLINED, GOOD
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from opside_chassis.database import EVERY_TENANT, transaction
from opside_chassis.testing.plugin import MigratedDatabase
from opside_contracts import scopes
from stripe_payments.ledger.proof import prove
from stripe_payments.roles import AUDITOR, JANITOR
from stripe_payments.stripe_api.gateway import Card
from stripe_payments.user_data.declared import NOBODYS, USER_TABLES

USER, CANARY = "usr_a", "canary7f3a91"
EVENT = {
    "id": "evt_1",
    "type": "customer.updated",
    "created": 1,
    "livemode": False,
    "data": {
        "object": {"id": "cus_usr_a", "object": "customer", "email": f"{CANARY}@example.com"},
        "previous_attributes": {"name": CANARY},
    },
}
PLANTED = f"""
INSERT INTO inbox (id, source, event_id, type, payload, status) VALUES
    ('inb_1', 'stripe', 'evt_1', 'customer.updated', '{json.dumps(EVENT)}', 'applied'),
    ('inb_2', 'stripe', 'evt_2', 'customer.updated',
     '{json.dumps(EVENT).replace("cus_usr_a", "cus_usr_ab").replace(CANARY, "ben")}', 'applied'),
    ('inb_3', 'stripe', 'evt_3', 'charge.succeeded',
     '{{"data": {{"object": {{"id": "ch_1", "metadata": {{"user": "{USER}"}}, "n": "{CANARY}"}}}}}}',
     'ignored');
INSERT INTO stripe_subscriptions (id, user_id, customer_id, price_id, subscription_id, status)
    VALUES ('sbn_1', '{USER}', 'cus_usr_a', 'price_1', 'sub_1', 'canceled');
INSERT INTO stripe_invoices (id, user_id, customer_id, status, currency, total_minor, amount_due_minor,
    amount_paid_minor, hosted_url) VALUES ('in_1', '{USER}', 'cus_usr_a', 'paid', 'usd', 900, 900, 900,
    'https://invoice.example/{CANARY}');
INSERT INTO seller_rates (id, user_id, rate_bp, set_by, note) VALUES ('rat_1', '{USER}', 1500, 'olga', '')
"""  # noqa: S608


async def settled(bench: Bench, admin_url: str) -> None:
    """A fee that is charged and paid out, and something that names the seller wherever it may."""
    await bench.save_card(GOOD)
    bench.stripe.saved_cards[GOOD] = Card(GOOD, "cus_usr_a", "visa", "4242", 12, 2030)
    bench.stripe.saved_cards["pm_b"] = Card("pm_b", "cus_usr_ab", "visa", "4242", 12, 2030)
    await bench.payout_account(active=True)
    await ask(bench.api, GROSS)
    await bench.work()
    administrator = await asyncpg.connect(admin_url, server_settings={"search_path": "payments"})
    await administrator.execute("SET session_replication_role = replica")
    await administrator.execute(PLANTED)
    await administrator.close()


async def call(door: Door, method: str, path: str, *, scope: str, of: str = USER) -> httpx.Response:
    """As main-api asks."""
    headers = door.service("main-api", scope, act_for=of)
    return await door.ask(method, f"/internal/users/{USER}/{path}", headers=headers)


async def erase(door: Door) -> httpx.Response:
    return await call(door, "POST", "erase", scope=scopes.ERASE_USER)


async def dump(bench: Bench) -> dict[str, str]:
    """Every row of every table as text."""
    async with transaction(bench.sessions, tenant=EVERY_TENANT, role=AUDITOR) as session:
        named = await session.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'payments' ORDER BY 1")
        )
        found = {}
        for (name,) in named:
            if name != "alembic_version":
                rows = await session.execute(text(f"SELECT t::text FROM {name} AS t ORDER BY 1"))  # noqa: S608
                found[name] = "\n".join(row[0] for row in rows)
        return found


async def test_the_books_stay_and_the_person_goes(
    door: Door, bench: Bench, migrated: MigratedDatabase
) -> None:
    await settled(bench, migrated.admin_url)
    before, proof = await dump(bench), await prove(bench.sessions)
    assert {name for name, rows in before.items() if CANARY in rows} == {"inbox", "stripe_invoices"}
    assert proof.journals

    assert (await erase(door)).status_code == 204

    after = await dump(bench)
    assert [name for name, rows in after.items() if CANARY in rows] == []
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"inbox", "stripe_customers", "stripe_invoices", "transaction_audit"}
    assert after["transaction_audit"].startswith(before["transaction_audit"].splitlines()[0])
    assert await prove(bench.sessions) == proof
    async with transaction(bench.sessions, tenant=EVERY_TENANT, role=AUDITOR) as session:
        broken = await session.execute(
            text("SELECT broken_audit_links(object_id) FROM transaction_audit")
        )
        assert broken.all() == []
        kept = await session.execute(text("SELECT event_id, payload FROM inbox ORDER BY 1"))
        events = {row.event_id: row.payload for row in kept}
    assert events["evt_1"] == {
        **{name: EVENT[name] for name in ("id", "type", "created", "livemode")},
        "erased": True,
        "data": {"object": {"id": "cus_usr_a", "object": "customer"}},
    }
    assert "ben@example.com" in json.dumps(events["evt_2"]), "somebody else's"
    assert events["evt_3"]["data"] == {"object": {"id": "ch_1"}}
    assert door.stripe.saved_cards[GOOD].customer_id is None
    assert door.stripe.saved_cards["pm_b"].customer_id == "cus_usr_ab"
    assert door.stripe.emails["cus_usr_a"] == ""
    assert (await erase(door)).status_code == 204, "again is harmless"
    assert await dump(bench) == after


async def test_everything_about_a_seller_is_given_out(
    door: Door, bench: Bench, migrated: MigratedDatabase
) -> None:
    await settled(bench, migrated.admin_url)
    holding = (await call(door, "GET", "data", scope=scopes.READ_USER_DATA)).json()
    counts = {}
    for table in holding["tables"]:
        path = f"data/{table['name']}"
        answer = await call(door, "GET", path, scope=scopes.READ_USER_DATA)
        *rows, end = [json.loads(line) for line in answer.text.splitlines()]
        assert end == {"rows": len(rows)}
        counts[table["name"]] = len(rows)
    assert {name for name, count in counts.items() if not count} == {"clawbacks"}
    assert (counts["inbox"], counts["journals"]) == (2, (await prove(bench.sessions)).journals)
    assert counts["postings"] >= 2 * counts["journals"]
    assert holding["files"] == []
    assert (await call(door, "GET", "data", scope=scopes.READ_USER_DATA, of="b")).status_code == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "data"),
        ("GET", "data/commissions"),
        ("GET", "file?key=x"),
        ("GET", "erasure"),
        ("POST", "erase"),
    ],
)
async def test_main_api_alone_asks_and_for_him_alone(door: Door, method: str, path: str) -> None:
    asked = f"/internal/users/{USER}/{path}"
    right, wrong = scopes.READ_USER_DATA, scopes.ERASE_USER
    if path in {"erasure", "erase"}:
        right, wrong = wrong, right
    refused = [
        door.person(USER),
        door.person("usr_x", role="admin"),
        door.service("main-api", wrong, act_for=USER),
        door.service("main-api", right, act_for="usr_b"),
        door.service("main-api", right),
        door.service("integrations-backend", right, act_for=USER),
    ]
    assert [(await door.ask(method, asked, headers=who)).status_code for who in refused] == [
        403
    ] * 6
    assert (await door.ask(method, asked)).status_code == 401


@pytest.mark.parametrize("card", [None, DECLINED])
async def test_money_in_flight_holds_the_erasure(
    door: Door, bench: Bench, card: str | None
) -> None:
    await ask(bench.api, GROSS)
    refused = await erase(door)
    assert (refused.status_code, refused.json()["code"]) == (409, "money_in_flight")
    if card:
        await bench.save_card(card)
    await bench.work()
    held = (await call(door, "GET", "erasure", scope=scopes.ERASE_USER)).json()["reasons"]
    assert held[0] == "unpaid fees (pay them, or ask us to cancel them): 1"
    await bench.save_card(GOOD)
    await bench.payout_account(active=True)
    await bench.work(days=5)
    assert (await erase(door)).status_code == 204


@pytest.mark.parametrize("tenant", ["usr_b", "*", ""])
async def test_a_seller_is_erased_in_his_own_name_only(bench: Bench, tenant: str) -> None:
    await bench.save_card(GOOD)
    with pytest.raises(DBAPIError, match="in his own name"):
        async with transaction(bench.sessions, tenant=tenant, role=JANITOR) as session:
            await session.execute(text("SELECT erase_user(:user)"), {"user": USER})
    assert GOOD in (await dump(bench))["stripe_customers"]


async def test_every_table_of_the_schema_is_declared(bench: Bench) -> None:
    declared = {table.name for table in USER_TABLES} | set(NOBODYS)
    assert set(await dump(bench)) == declared
