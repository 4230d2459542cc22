"""Staging a job in its own transaction, against a bare insert of the same row in one."""

import json
import tempfile
from pathlib import Path

import asyncpg
from sqlalchemy import MetaData, text
from sqlalchemy.ext.asyncio import create_async_engine

from opside_chassis.database import Database, asyncpg_url, transaction
from opside_chassis.ids import new_id
from opside_chassis.migration import bootstrap, role_url
from opside_chassis.outbox import outbox_extras_sql, outbox_table, stage
from opside_local.bench.figures import Figures, rates
from opside_local.engines import open_postgres
from opside_local.ports import free_ports

UNIT = "rows/s"
COUNT = 500
SCHEMA = "bench"
PASSWORD = "bench-only"  # noqa: S105 (a server that lives for seconds)
PAYLOAD = {"commission_id": "com_0123456789", "amount_minor": 2000, "currency": "usd"}
BARE_INSERT = "INSERT INTO outbox (id, kind, payload, tenant) VALUES ($1, $2, $3, $4)"


async def measure() -> Figures:
    """One connection each, one commit a row, both with their trigger."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        ports = free_ports(place / "ports.json")
        async with open_postgres(place, port=ports.postgres) as admin_url:
            await _make_table(admin_url)
            return await _measure_on(role_url(admin_url, role=f"{SCHEMA}_app", password=PASSWORD))


async def _make_table(admin_url: str) -> None:
    await bootstrap(admin_url, schema=SCHEMA, owner_password=PASSWORD, app_password=PASSWORD)
    owner = role_url(admin_url, role=f"{SCHEMA}_owner", password=PASSWORD)
    engine = create_async_engine(asyncpg_url(owner))
    metadata = MetaData(schema=SCHEMA)
    outbox_table(metadata)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        for statement in outbox_extras_sql(SCHEMA):
            await connection.execute(text(statement))
    await engine.dispose()


async def _measure_on(url: str) -> Figures:
    database = Database.connect(url, application_name="bench", pool_size=1)
    bare = await asyncpg.connect(url)

    async def ours() -> int:
        for _ in range(COUNT):
            async with transaction(database.sessions) as session:
                await stage(session, "collect", PAYLOAD, tenant="usr_1")
        return COUNT

    async def floor() -> int:
        for _ in range(COUNT):
            async with bare.transaction():
                values = (new_id("obx"), "collect", json.dumps(PAYLOAD), "usr_1")
                await bare.execute(BARE_INSERT, *values)
        return COUNT

    try:
        return await rates(ours, floor)
    finally:
        await bare.close()
        await database.close()
