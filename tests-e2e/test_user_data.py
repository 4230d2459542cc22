"""A seller takes everything that is held about him along, and leaves; the books still agree to the cent."""

import asyncio
import io
import json
import re
import sys
import zipfile

import asyncpg
import pytest
from proof import differences

from opside_local import environment
from opside_local.journey.browser import Browser, Refused
from opside_local.journey.people import CLEO, OLGA
from opside_local.journey.signing_in import sign_in, sign_in_admin
from opside_local.journey.syncing import wait_for_sync
from opside_local.journey.waiting import until
from opside_local.secrets import MAIN_API
from opside_local.system import System

SCHEMAS = ("main_api", "integrations", "payments")
KEPT = {
    # Events are kept emptied, under the id that their sender gave them.
    "main_api": {"users", "recoveries", "reversals", "objections", "account_erasures", "inbox"},
    "integrations": {"human_cases"},
    "payments": {
        *("clawbacks", "commissions", "idempotency_keys", "inbox", "outbox", "seller_rates"),
        *("stripe_accounts", "stripe_customers", "stripe_invoices", "stripe_subscriptions"),
        "transaction_audit",
    },
}
"""Where an erased seller's id may still be."""


async def test_a_seller_takes_his_data_along_and_leaves(system: System) -> None:
    async with Browser(system.urls.main_api) as seller, Browser(system.urls.main_api) as admin:
        await sign_in_admin(admin, OLGA, system)
        user = (await sign_in(seller, CLEO))["userId"]
        await wait_for_sync(seller)
        selling_account = (await seller.who_am_i())["amazonSellerId"]
        look_into(await copy_of(seller), user)

        before = await dump(system)
        assert CLEO.email in before["main_api.users"]
        assert selling_account in before["integrations.connections"]
        await erased(system, seller, user)

        after = await dump(system)
        for name in (CLEO.email, selling_account):
            assert [table for table, rows in after.items() if name in rows] == []
        left = {table for table, rows in after.items() if user in rows}
        assert left <= {f"{schema}.{name}" for schema in SCHEMAS for name in KEPT[schema]}
        assert await asyncio.to_thread(archived, system, user) == []
        assert await differences(system, admin) == []
        assert before["payments.postings"] == after["payments.postings"]

        async with Browser(system.urls.main_api) as again:
            assert (await sign_in(again, CLEO))["userId"] != user


async def copy_of(seller: Browser) -> zipfile.ZipFile:
    """Everything about the seller, as he downloads it."""
    ordered = await seller.send("POST", "/api/account/export")
    path = f"/api/account/exports/{ordered['exportId']}"
    await until(
        lambda: seller.get(path), done=lambda found: found["status"] == "ready", what="the copy"
    )
    return zipfile.ZipFile(io.BytesIO(await seller.download(f"{path}/download")))


def look_into(packed: zipfile.ZipFile, user: str) -> None:
    """All three services gave their part."""
    [row] = json.loads(packed.read("main-api/users.json"))
    assert (row["id"], row["email"]) == (user, CLEO.email)
    assert json.loads(packed.read("integrations-backend/sync_jobs.json"))
    assert json.loads(packed.read("integrations-backend/amazon_claims.json"))
    assert json.loads(packed.read("stripe-payments/stripe_accounts.json"))
    assert [one for one in packed.namelist() if re.search("documents/.*/received/", one)]


async def erased(system: System, seller: Browser, user: str) -> None:
    """An operator orders it, again while something holds it, until the worker has done it."""
    done = "SELECT erased_at IS NOT NULL FROM main_api.account_erasures WHERE user_id = $1"

    async def order_and_look() -> bool:
        command = ("erase-user", "--user-id", user, "--confirm", CLEO.email, "--now")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "main_api.commands", *command),
            env=environment.machine(environment.service(system.place, MAIN_API)),
        )
        assert await process.wait() == 0
        await asyncio.sleep(3)
        connection = await asyncpg.connect(system.place.servers.admin_database_url)
        try:
            return bool(await connection.fetchval(done, user))
        finally:
            await connection.close()

    await until(order_and_look, done=bool, what="the erasure")
    with pytest.raises(Refused) as refused:
        await seller.who_am_i()
    assert refused.value.status == 401


def archived(system: System, user: str) -> list[str]:
    """What is left in the seller's folders."""
    folders = system.place.archive.rglob(user)
    return [str(file) for folder in folders for file in folder.rglob("*") if file.is_file()]


async def dump(system: System) -> dict[str, str]:
    """Every row of every table of every service, as a backup would have it."""
    connection = await asyncpg.connect(system.place.servers.admin_database_url)
    try:
        named = await connection.fetch(
            "SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname = ANY($1)",
            list(SCHEMAS),
        )
        found = {}
        for row in named:
            rows = await connection.fetch(f"SELECT t::text AS t FROM {row['name']} AS t ORDER BY 1")  # noqa: S608
            found[row["name"]] = "\n".join(one["t"] for one in rows)
        return found
    finally:
        await connection.close()
