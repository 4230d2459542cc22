"""Amazon's usage plans: the same buckets in Redis and in the worker, never more calls than a plan has."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from integrations_backend.amazon_api.buckets import (
    LONGEST_PAUSE_SECONDS,
    Bucket,
    LocalBuckets,
)
from integrations_backend.amazon_api.errors import Throttled
from integrations_backend.amazon_api.pacing import Pacing
from integrations_backend.amazon_api.shared_buckets import SharedBuckets
from integrations_backend.amazon_api.usage_plans import PLANS, Plan
from opside_sandbox.amazon.spapi import gate

CREATE = PLANS["createReport"]
POLL = PLANS["getReport"]
LEDGER = Bucket("usr_ada", "createReport", "GET_LEDGER")
RETURNS = Bucket("usr_ada", "createReport", "GET_RETURNS")


@dataclass
class Watch:
    """Seconds, as a test sets them."""

    seconds: float = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


class Buckets(Protocol):
    """Both kinds, called in one way."""

    watch: Watch

    async def take(self, bucket: Bucket, plan: Plan) -> float: ...
    async def answered(self, bucket: Bucket, plan: Plan, told: float | None) -> None: ...
    async def refused(
        self, bucket: Bucket, plan: Plan, *, retry_after: float | None = None, jitter: float = 0.0
    ) -> float: ...


@dataclass
class Local:
    watch: Watch = field(default_factory=Watch)
    inner: LocalBuckets = field(default_factory=LocalBuckets)

    async def take(self, bucket: Bucket, plan: Plan) -> float:
        return self.inner.take(bucket, plan, self.watch())

    async def answered(self, bucket: Bucket, plan: Plan, told: float | None) -> None:
        self.inner.answered(bucket, plan, told, self.watch())

    async def refused(
        self, bucket: Bucket, plan: Plan, *, retry_after: float | None = None, jitter: float = 0.0
    ) -> float:
        return self.inner.refused(
            bucket, plan, retry_after=retry_after, jitter=jitter, now=self.watch()
        )


class Shared(SharedBuckets):
    def __init__(self, redis: Redis, watch: Watch) -> None:
        super().__init__(redis, application=secrets.token_hex(6), clock=watch)
        self.watch = watch

    async def refused(
        self, bucket: Bucket, plan: Plan, *, retry_after: float | None = None, jitter: float = 0.0
    ) -> float:
        return await super().refused(bucket, plan, retry_after=retry_after, jitter=jitter)


@pytest_asyncio.fixture(params=["local", "redis"], loop_scope="session")
async def buckets(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[Buckets]:
    if request.param == "local":
        yield Local()
        return
    async with Redis.from_url(redis_url) as redis:
        yield Shared(redis, Watch())


async def taken(buckets: Buckets, bucket: Bucket, plan: Plan, *, most: int = 1000) -> int:
    for number in range(most):
        if await buckets.take(bucket, plan) > 0:
            return number
    return most


def test_the_plans_are_amazons() -> None:
    for operation, plan in PLANS.items():
        if operation in gate.PLANS:
            assert (plan.rate_per_second, plan.burst) == gate.PLANS[operation]
    assert {"createReport", "getReport", "getReports", "getReportDocument"} <= set(PLANS)


async def test_a_burst_less_one_then_at_the_rate(buckets: Buckets) -> None:
    assert await taken(buckets, LEDGER, CREATE) == 14
    wait = await buckets.take(RETURNS, CREATE)
    assert 59 < wait < 62, "the operation's bucket is one for all report types"
    buckets.watch.seconds += wait
    assert await taken(buckets, LEDGER, CREATE) == 1
    buckets.watch.seconds += 3600
    assert await taken(buckets, LEDGER, CREATE) == 14, "it never holds more than its burst"


async def test_sellers_and_operations_have_buckets_of_their_own(buckets: Buckets) -> None:
    assert await taken(buckets, LEDGER, CREATE) == 14
    assert await taken(buckets, Bucket("usr_ben", "createReport"), CREATE) == 14
    assert await taken(buckets, Bucket("usr_ada", "getReport"), POLL) == 14


async def test_a_rate_that_amazon_tells_is_kept_from_then_on(buckets: Buckets) -> None:
    bucket = Bucket("usr_ada", "getReport")
    assert await buckets.take(bucket, POLL) == 0
    await buckets.answered(bucket, POLL, 0.2)
    assert await taken(buckets, bucket, POLL) <= 1
    wait = await buckets.take(bucket, POLL)
    assert 4 < wait < 6
    await buckets.answered(bucket, POLL, 20.0)
    buckets.watch.seconds += 100
    assert await taken(buckets, bucket, POLL) == 149


@pytest.mark.parametrize("told", [0.0, -1.0, float("nan"), float("inf"), None])
async def test_nonsense_is_no_rate(buckets: Buckets, told: float | None) -> None:
    await buckets.answered(LEDGER, CREATE, told)
    assert await taken(buckets, LEDGER, CREATE) == 14


async def test_a_refusal_empties_the_bucket_and_each_further_one_doubles_the_pause(
    buckets: Buckets,
) -> None:
    pauses = []
    for _ in range(7):
        assert await buckets.take(LEDGER, CREATE) == 0
        pauses.append(await buckets.refused(LEDGER, CREATE))
        assert await buckets.take(LEDGER, CREATE) == pytest.approx(pauses[-1], abs=2)
        assert await buckets.take(RETURNS, CREATE) > 59, "no token is left for another type either"
        buckets.watch.seconds += pauses[-1] + 2
    assert pauses[1] == pytest.approx(2 * pauses[0])
    assert pauses[2] == pytest.approx(2 * pauses[1])
    assert max(pauses) == LONGEST_PAUSE_SECONDS
    assert await buckets.take(LEDGER, CREATE) == 0
    await buckets.answered(LEDGER, CREATE, None)
    assert await buckets.refused(LEDGER, CREATE) == pytest.approx(pauses[0]), "a success ends it"


async def test_one_report_type_that_is_held_back_does_not_hold_up_the_others(
    buckets: Buckets,
) -> None:
    for _ in range(4):
        await buckets.refused(LEDGER, CREATE)
        buckets.watch.seconds += 65
    assert await buckets.take(LEDGER, CREATE) > 60
    assert await buckets.take(RETURNS, CREATE) == 0


async def test_retry_after_is_honoured_and_pauses_differ_by_their_jitter(buckets: Buckets) -> None:
    assert await buckets.refused(LEDGER, CREATE, retry_after=300.0) == 300
    assert await buckets.take(LEDGER, CREATE) == pytest.approx(300)
    other = Bucket("usr_ben", "createReport")
    plain = await buckets.refused(other, CREATE, jitter=0.0)
    third = Bucket("usr_cleo", "createReport")
    assert await buckets.refused(third, CREATE, jitter=1.0) == pytest.approx(1.25 * plain)


async def test_a_clock_that_goes_back_gives_nothing(buckets: Buckets) -> None:
    assert await taken(buckets, LEDGER, CREATE) == 14
    buckets.watch.seconds -= 10_000
    assert await buckets.take(LEDGER, CREATE) > 0
    buckets.watch.seconds += 10_000
    assert await buckets.take(LEDGER, CREATE) > 0


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(st.tuples(st.floats(0, 400), st.integers(1, 20)), max_size=12))
async def test_amazons_own_bucket_never_refuses(
    buckets: Buckets, steps: list[tuple[float, int]]
) -> None:
    """Amazon fills by its rate and up to its burst; a call may arrive some seconds late or not."""
    bucket = Bucket(secrets.token_hex(8), "createReport")
    tokens, at, late = CREATE.burst, buckets.watch(), 0.0
    for number, (passed, calls) in enumerate(steps):
        buckets.watch.seconds += passed
        for _ in range(calls):
            if await buckets.take(bucket, CREATE) > 0:
                continue
            # A tenth of what one token takes: the calls come closer together than they were sent.
            late = 5.0 if number % 2 == 0 else 0.0
            arrived = max(at, buckets.watch() + late)
            tokens = min(CREATE.burst, tokens + (arrived - at) * CREATE.rate_per_second)
            at = arrived
            assert tokens >= 1
            tokens -= 1


async def test_many_workers_share_one_bucket(redis_url: str) -> None:
    application = secrets.token_hex(6)
    workers = [Pacing(SharedBuckets.connect(redis_url, application=application)) for _ in range(5)]

    async def calls(worker: Pacing) -> int:
        made = 0
        for _ in range(10):
            with suppress(Throttled):
                await worker.take(LEDGER)
                made += 1
        return made

    made = await asyncio.gather(*(calls(one) for one in workers))
    for worker in workers:
        await worker.close()
    assert sum(made) == 14


async def test_without_redis_a_worker_keeps_to_the_plan_by_itself() -> None:
    worker = Pacing(SharedBuckets.connect("redis://127.0.0.1:1/0", application="a"))
    for _ in range(14):
        await worker.take(LEDGER)
    with pytest.raises(Throttled):
        await worker.take(LEDGER)
    refused = await worker.refused(RETURNS, None)
    assert 59 < refused.wait_seconds < 80
    await worker.close()


async def test_a_wiped_redis_gives_no_second_burst(redis_url: str) -> None:
    application = secrets.token_hex(6)
    worker = Pacing(SharedBuckets.connect(redis_url, application=application))
    for _ in range(14):
        await worker.take(LEDGER)
    async with Redis.from_url(redis_url) as redis:
        keys = [key async for key in redis.scan_iter(match=f"*{application}*")]
        assert await redis.delete(*keys)
    with pytest.raises(Throttled):
        await worker.take(LEDGER)
    await worker.close()
