"""kill -9 of the real worker at every step of a sync, a wiped Redis, a restarted Postgres: nothing is lost.

The database holds the worker fast where it shall die: in a trap (a trigger on the job's row) when a step
has begun and when its work is committed, or at a lock on a table that the step writes.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest_asyncio
from machine import PATIENCE_SECONDS, Machine, left_behind, machine_in, owed, units
from redis.asyncio import Redis
from service import ADA

from integrations_backend.sync.rules import ORDER, Step
from integrations_backend.sync.start import start_sync
from opside_chassis.clock import utc_now

STEPS = ORDER[:-1]
WRITES = {
    Step.FETCH: "report_documents",
    Step.NORMALIZE: "amazon_claims",
    Step.CASES: "refund_engine_cases",
    Step.COSTS: "refund_engine_cases",
    Step.RECOVERIES: "case_recoveries",
    Step.FINALIZE: "sync_jobs",
}
"""A table that each step writes."""


@pytest_asyncio.fixture(loop_scope="session")
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    async with machine_in(tmp_path) as made:
        yield made


async def test_a_worker_that_is_killed_at_every_step_leaves_what_an_undisturbed_one_does(
    machine: Machine,
) -> None:
    for step in STEPS:
        await machine.set_trap(step, "begun")
        machine.start()
        await machine.die_where_it_is_held(f"{step} begun")
        await machine.set_trap("", "")
        await machine.let_leases_end()
        async with machine.locked(WRITES[step]):
            machine.start()
            await machine.die_where_it_is_held(f"{step} at work")
        await machine.let_leases_end()
        await machine.set_trap(step, "worked")
        machine.start()
        await machine.die_where_it_is_held(f"{step} worked")
        await machine.let_leases_end()
    await machine.set_trap("", "")
    machine.start()
    await machine.finished()
    machine.kill("finished")
    assert len(machine.kills) == 3 * len(STEPS) + 1
    killed = await left_behind(machine)
    assert killed["claims"] == owed(machine)
    assert sum(killed["claims"].values()) > 0


async def test_a_wiped_redis_and_a_restarted_postgres_cost_latency_alone(machine: Machine) -> None:
    await machine.set_trap(Step.FETCH, "begun")
    machine.start()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await machine.held():
            await asyncio.sleep(0.02)
    async with Redis.from_url(machine.redis.url) as redis:
        await redis.flushall()
    await machine.set_trap("", "")
    await machine.admin.close()
    machine.postgres.stop()
    await asyncio.sleep(1)
    machine.postgres.start()
    machine.admin = await asyncpg.connect(machine.postgres.url("opside"))
    await machine.let_leases_end()
    machine.redis.stop()
    await machine.finished()
    machine.redis.start()
    found = await left_behind(machine)
    assert found["claims"] == owed(machine)
    before = found
    await start_sync(machine.service.sessions, user_id=ADA, reason="test", clock=utc_now)
    await machine.finished()
    assert units(await machine.service.rows("SELECT * FROM amazon_claims")) == before["claims"]
    machine.kill("the same worker has lived through all of it")
