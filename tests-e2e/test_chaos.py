"""Money under attack: Redis emptied, processes and engines killed, Stripe and its webhooks failing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from charging import Charging
from house import SECOND_WORKER, WORKER, House, open_house
from proof import control
from redis.asyncio import Redis
from rest import prove_all_is_well

from opside_local.secrets import PAYMENTS

AT_LEAST = 110
QUEUE = "opside:payments:jobs"
FLUSHING_SECONDS = 4.0
BETWEEN_FLUSHES_SECONDS = 0.1
BETWEEN_BLOWS_SECONDS = 0.8
MANY_LOST_JOBS = 50

HANG_SECONDS = 20.0
"""Longer than our patience with Stripe."""
STRIPE_FAULTS = (
    ("payment_intents.create", "reset_after", 7),
    ("payment_intents.create", "500_after", 14),
    ("payment_intents.confirm", "timeout_after", 10),
    ("payment_intents.confirm", "500_after", 20),
    ("payment_intents.confirm", "reset", 30),
    ("transfers.create", "timeout_after", 3),
    ("transfers.create", "500_after", 6),
    ("transfers.create", "reset", 9),
    ("transfers.reversals.create", "500_after", 1),
    ("transfers.reversals.create", "reset", 2),
    ("refunds.create", "timeout_after", 2),
    ("refunds.create", "500_after", 4),
    ("refunds.create", "reset", 6),
)
"""Operation, what happens to it, and at which call from now on."""
WEBHOOK_FAULTS = (("duplicate", 5), ("lose", 40), ("delay", 80), ("reorder", 120))
"""What happens to twenty deliveries in a row, and from which one on."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def charging(recording: Path) -> AsyncIterator[Charging]:
    async with open_house(record=recording) as house:
        yield Charging(house)


async def test_redis_emptied_again_and_again_loses_nothing(charging: Charging) -> None:
    async with charging.going_on(at_least=AT_LEAST):
        lost = await flush_again_and_again(charging.house)
    assert lost > MANY_LOST_JOBS
    await prove_all_is_well(charging)


async def test_killed_processes_and_engines_lose_and_double_nothing(charging: Charging) -> None:
    await plan_faults(charging.house)
    async with charging.going_on(at_least=AT_LEAST):
        await kill_one_after_the_other(charging.house)
    await prove_all_is_well(charging)
    await every_fault_was_met(charging.house)
    assert await charging.house.interrupted_jobs() > 0


async def flush_again_and_again(house: House) -> int:
    """FLUSHALL under load; answers how many handed-out jobs it threw away."""
    lost = 0
    ends = asyncio.get_running_loop().time() + FLUSHING_SECONDS
    async with Redis.from_url(house.redis.url) as redis:
        while asyncio.get_running_loop().time() < ends:
            await asyncio.sleep(BETWEEN_FLUSHES_SECONDS)
            handed_out, _ = await redis.pipeline(transaction=True).zcard(QUEUE).flushall().execute()
            lost += handed_out
    return lost


async def kill_one_after_the_other(house: House) -> None:
    """SIGKILL each part while fees are on their way, and start it again a moment later."""
    for blow in (
        lambda: kill(house, WORKER),
        lambda: house.crash(house.postgres),
        lambda: kill(house, WORKER, SECOND_WORKER),
        lambda: house.crash(house.redis),
        lambda: kill(house, PAYMENTS),
    ):
        await asyncio.sleep(BETWEEN_BLOWS_SECONDS)
        await blow()


async def kill(house: House, *names: str) -> None:
    await asyncio.gather(*(house.system.kill(name) for name in names))
    await asyncio.gather(*(house.start(name) for name in names))


async def plan_faults(house: House) -> None:
    for operation, kind, nth in STRIPE_FAULTS:
        fault = {"operation": operation, "kind": kind, "nth": nth, "seconds": HANG_SECONDS}
        await control(house.system, "stripe/faults", **fault)
    for kind, nth in WEBHOOK_FAULTS:
        fault = {"kind": kind, "nth": nth, "times": 20, "seconds": 1.0}
        await control(house.system, "stripe/webhooks/faults", **fault)


async def every_fault_was_met(house: House) -> None:
    planned = await control(house.system, "stripe/faults")
    assert len(planned["faults"]) == len(STRIPE_FAULTS)
    for fault in planned["faults"]:
        assert planned["calls"][fault["operation"]] >= fault["nth"], fault
    deliveries = await control(house.system, "stripe/webhooks/deliveries")
    assert sum(one["status"] == "lost" for one in deliveries) == 20
