"""No token of a seller in what the real worker leaves: its log at its most talkative, the whole database
as a dump, and Redis with jobs in it, while it works and afterwards."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest_asyncio
from machine import Machine, machine_in
from redis.asyncio import Redis
from service import ADA

FAULTS = (
    ("lwaToken", "500_after"),
    ("createReport", "503_html"),
    ("downloadDocument", "truncated_gzip"),
    ("downloadDocument", "expired_link"),
)


@pytest_asyncio.fixture(loop_scope="session")
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    async with machine_in(tmp_path, log_level="debug") as made:
        yield made


async def tokens_of(machine: Machine) -> set[str]:
    runtime = machine.service.runtime
    return {
        await runtime.tokens.access_token(runtime.amazon, user_id=ADA),
        await runtime.tokens.refresh_token(ADA),
    }


async def redis_dump(machine: Machine) -> dict[str, bytes]:
    async with Redis.from_url(machine.redis.url) as redis:
        found = {key: await redis.dump(key) async for key in redis.scan_iter(count=1_000)}
    return {repr(key): value or b"" for key, value in found.items()}


async def database_dump(admin: asyncpg.Connection) -> str:
    """Every row of every table and schema, as a superuser sees it."""
    tables = await admin.fetch(
        "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    rows = [
        row[0]
        for table in tables
        for row in await admin.fetch(f"SELECT t::text FROM {table['name']} AS t")  # noqa: S608
    ]
    return "\n".join(rows)


async def test_the_worker_leaves_no_token_anywhere(machine: Machine) -> None:
    secrets = await tokens_of(machine)
    for operation, kind in FAULTS:
        machine.sandbox.ask("amazon/faults", operation=operation, kind=kind)
    await machine.service.execute("UPDATE oauth_tokens SET expires_at = now()")
    seen: dict[str, bytes] = {}
    machine.start()
    await machine.until("SELECT 1 FROM integrations.sync_jobs")
    ended = asyncio.create_task(machine.finished())
    while not ended.done():
        seen |= await redis_dump(machine)
        await asyncio.sleep(0.05)
    await ended
    seen |= await redis_dump(machine)
    machine.kill("finished")
    secrets |= await tokens_of(machine)
    settings = machine.service.runtime.settings
    secrets |= {
        settings.amazon_client_secret.get_secret_value(),
        settings.encryption_key.get_secret_value(),
        settings.service_private_key.get_secret_value(),
    }
    assert len(secrets) >= 5
    places = {
        "the database": await database_dump(machine.admin),
        "the log": machine.log.read_text(),
        "Redis": "\n".join(f"{key} {value!r}" for key, value in seen.items()),
    }
    assert "AmazonUnavailable" in places["the log"], "it has failed, and has said so"
    assert ADA in places["the database"]
    assert any("arq:" in key for key in seen), "jobs went through Redis"
    assert any("amazon" in key for key in seen), "usage plans too"
    found = [(name, one[:12]) for name, held in places.items() for one in secrets if one in held]
    assert found == []
