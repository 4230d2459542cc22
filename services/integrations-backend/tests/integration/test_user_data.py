"""A seller's right to his data: he is given all of it, and afterwards nothing of it is left."""

import json
from dataclasses import replace

import asyncpg
import httpx
import pytest
from factories.planted import CANARY, plant
from fakes.stripe_fake import FakeStripe
from service import ADA, BEN, Service
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from integrations_backend.stripe_oauth_api.errors import StripeUnavailable
from integrations_backend.user_data.declared import NOBODYS, USER_TABLES
from opside_chassis.database import EVERY_TENANT, transaction
from opside_chassis.leases import MAX_FAILURES
from opside_contracts import scopes

EXPORTED = {table.name for table in USER_TABLES if not table.not_exported}


async def dump(service: Service) -> dict[str, str]:
    """Every row of every table as text, of all tenants."""
    async with transaction(service.sessions, tenant=EVERY_TENANT) as session:
        named = await session.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'integrations' ORDER BY 1")
        )
        found = {}
        for (name,) in named:
            rows = await session.execute(text(f"SELECT t::text FROM {name} AS t"))  # noqa: S608
            found[name] = "\n".join(row[0] for row in rows)
        return found


async def ask(
    service: Service, method: str, path: str, *, scope: str, of: str = ADA, **query: str
) -> httpx.Response:
    """As main-api asks."""
    async with service.client(service.service_token(scope, act_for=of)) as client:
        return await client.request(method, f"/internal/users/{ADA}/{path}", params=query)


async def erase(service: Service) -> httpx.Response:
    return await ask(service, "POST", "erase", scope=scopes.ERASE_USER)


async def test_everything_about_a_seller_is_given_out(service: Service) -> None:
    await plant(service, ADA)
    await service.execute("INSERT INTO stripe_pulls (user_id, account_id) VALUES ('usr_ben', 'x')")
    answer = await ask(service, "GET", "data", scope=scopes.READ_USER_DATA)
    holding = answer.json()
    assert {table["name"] for table in holding["tables"]} == EXPORTED
    for table in holding["tables"]:
        lines = await ask(service, "GET", f"data/{table['name']}", scope=scopes.READ_USER_DATA)
        *rows, end = [json.loads(line) for line in lines.text.splitlines()]
        assert end == {"rows": 1} == {"rows": len(rows)}, table["name"]
        assert list(rows[0]) == table["columns"]
        assert rows[0]["user_id"] == ADA
        assert (CANARY in lines.text) is (table["name"] != "oauth_tokens"), table["name"]
    assert [file["key"] for file in holding["files"]] == [
        f"{ADA}/GET_LEDGER/received/1.gz",
        f"{ADA}/papers/1",
    ]
    key = holding["files"][1]["key"]
    read = await ask(service, "GET", "file", scope=scopes.READ_USER_DATA, key=key)
    assert read.text == CANARY


async def test_what_is_not_his_or_not_there_is_not_given_out(service: Service) -> None:
    await plant(service, ADA)
    reading = scopes.READ_USER_DATA
    for path in ("data/consent_attempts", "data/case_transitions", "data/pg_roles", "data/x%22"):
        assert (await ask(service, "GET", path, scope=reading)).status_code == 404, path
    for key in (f"{BEN}/papers/1", f"{ADA}/papers/../papers/1", "../x", ""):
        assert (await ask(service, "GET", "file", scope=reading, key=key)).status_code == 404, key
    assert (await ask(service, "GET", "data", scope=reading, of=BEN)).status_code == 403
    assert (await ask(service, "GET", "data", scope=scopes.ERASE_USER)).status_code == 403
    assert (await ask(service, "POST", "erase", scope=reading)).status_code == 403
    assert (await ask(service, "POST", "erase", scope=scopes.ERASE_USER, of=BEN)).status_code == 403
    async with service.as_user(ADA) as herself:
        assert (await herself.get(f"/internal/users/{ADA}/data")).status_code == 403


async def test_nothing_of_an_erased_seller_is_left(service: Service) -> None:
    await plant(service, ADA)
    before = await dump(service)
    unplanted = {table.name for table in USER_TABLES if CANARY not in before[table.name]}
    assert unplanted == set(), "a test that plants nothing there proves nothing of it"
    await service.execute("INSERT INTO stripe_pulls (user_id, account_id) VALUES ('usr_ben', 'x')")

    assert (await erase(service)).status_code == 204

    after = await dump(service)
    assert [name for name, rows in after.items() if CANARY in rows] == []
    assert {name for name, rows in after.items() if ADA in rows} == {"human_cases"}
    assert "usr_ben" in after["stripe_pulls"]
    assert not (service.runtime.archive.root / ADA).exists()
    assert (await erase(service)).status_code == 204, "again is harmless"


async def test_a_job_that_runs_meanwhile_writes_nothing_more(service: Service) -> None:
    await service.connect(ADA)
    await service.execute("UPDATE outbox SET status = 'done' WHERE kind = 'publish_event'")
    assert (await erase(service)).status_code == 409, "main-api must hear that she disconnected"
    await service.execute("UPDATE outbox SET status = 'done' WHERE kind = 'publish_event'")
    assert (await erase(service)).status_code == 204
    await service.work()
    assert {name for name, rows in (await dump(service)).items() if ADA in rows} == set()


async def test_what_is_not_told_yet_holds_the_erasure(service: Service) -> None:
    await service.connect(ADA)
    held = (await ask(service, "GET", "erasure", scope=scopes.ERASE_USER)).json()["reasons"]
    assert held == ["news about your reimbursements is still on its way to your account"]
    refused = await erase(service)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_erasable_yet")
    assert await service.rows("SELECT 1 FROM oauth_tokens") == [], "access ends all the same"
    await service.work()
    assert (await erase(service)).status_code == 204
    told = [event for event in service.neighbours.events if event.type == "connection.changed"]
    assert told[-1].status == "not_connected"


async def test_a_revocation_that_stripe_never_hears_holds_the_erasure_for_hours_and_is_owned_up_to(
    service: Service,
) -> None:
    away = StripeUnavailable("Stripe does not answer")
    stripe = FakeStripe(fail={"deauthorize": [away] * MAX_FAILURES})
    runtime = replace(service.runtime, stripe=stripe)
    service = replace(service, runtime=runtime)
    service.app.state.runtime = runtime
    await service.execute(
        "INSERT INTO connections (user_id, provider, account_id, status, updated_at)"
        " VALUES (:u, 'stripe', 'acct_ada', 'connected', now())",
        u=ADA,
    )
    waiting = ["Stripe has not confirmed yet that our access ended"]
    for _ in range(MAX_FAILURES):
        assert (await erase(service)).status_code == 409
        shown = await ask(service, "GET", "erasure", scope=scopes.ERASE_USER)
        assert set(waiting) <= set(shown.json()["reasons"])
        await service.work(rounds=1)
    assert stripe.calls == ["deauthorize"] * MAX_FAILURES
    shown = await ask(service, "GET", "erasure", scope=scopes.ERASE_USER)
    assert shown.json()["reasons"] == [], "a person is asked; nobody waits for him"

    assert (await erase(service)).status_code == 204
    assert (await erase(service)).status_code == 204
    (told,) = await service.rows("SELECT reason FROM human_cases WHERE kind = 'grant_not_revoked'")
    for said in ("keys to his account are destroyed", "Stripe has not confirmed", "acct_ada"):
        assert said in told["reason"]
    assert [name for name, rows in (await dump(service)).items() if ADA in rows] == []


@pytest.mark.parametrize("tenant", ["usr_ben", "*", ""])
async def test_a_seller_is_erased_in_his_own_name_only(service: Service, tenant: str) -> None:
    await plant(service, ADA)
    with pytest.raises(DBAPIError, match="in his own name"):
        async with transaction(service.sessions, tenant=tenant) as session:
            await session.execute(text("SELECT erase_protected(:user)"), {"user": ADA})
    if tenant == "*":
        with pytest.raises(DBAPIError, match="in his own name"):
            async with transaction(service.sessions, tenant=tenant) as session:
                await session.execute(text("SELECT erase_protected('*')"))
    assert len(await service.rows("SELECT 1 FROM amazon_claims")) == 1


async def test_every_table_of_the_schema_is_declared(
    service: Service, owner_connection: asyncpg.Connection
) -> None:
    rows = await owner_connection.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'integrations'"
    )
    declared = {table.name for table in USER_TABLES} | set(NOBODYS)
    assert {row["tablename"] for row in rows} - {"alembic_version"} == declared
