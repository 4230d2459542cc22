"""Limits kept in Redis: shared by processes, exact under load, and never a reason to wait."""

import asyncio
import socket
import struct
import time
import uuid
from contextlib import suppress

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from opside_chassis import rate_limits
from opside_chassis.errors import TooManyRequests
from opside_chassis.rate_limits import WINDOW_SECONDS, RateLimiter, redis_for_counting


class Ticking:
    def __init__(self) -> None:
        self.now = 1_000_000.0 * WINDOW_SECONDS

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def service() -> str:
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
async def limiters(redis_url, service):
    """Two processes of one service, as far as Redis can tell."""
    clock = Ticking()
    pair = [
        RateLimiter(
            service=service,
            per_minute=30,
            redis=redis_for_counting(redis_url),
            now=clock,
            redis_timeout_seconds=10,  # a busy machine is not a lost Redis
        )
        for _ in range(2)
    ]
    yield pair
    for limiter in pair:
        await limiter.close()


async def allowed(limiter: RateLimiter, *keys: str) -> bool:
    try:
        await limiter.hit(*(keys or ("k",)))
    except TooManyRequests:
        return False
    return True


async def test_processes_share_one_count_exactly(limiters, redis_url, service) -> None:
    answers = await asyncio.gather(*(allowed(limiters[n % 2]) for n in range(100)))
    assert sum(answers) == 30
    async with Redis.from_url(redis_url) as redis:
        [name] = [name async for name in redis.scan_iter(f"rate:{service}:*")]
        assert 0 < await redis.pttl(name) <= 2 * WINDOW_SECONDS * 1000


async def test_keys_are_counted_apart(limiters) -> None:
    for key in ("address:a", "user:a"):
        assert sum([await allowed(limiters[0], key) for _ in range(31)]) == 30


async def test_of_two_counts_of_a_call_both_are_taken_or_none(limiters) -> None:
    assert sum([await allowed(limiters[0], "user:a") for _ in range(25)]) == 25
    assert sum([await allowed(limiters[1], "address:x", "user:a") for _ in range(9)]) == 5
    assert sum([await allowed(limiters[0], "address:x") for _ in range(30)]) == 25
    assert not await allowed(limiters[0], "address:x", "user:b")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    limit=st.integers(1, 8),
    steps=st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.0, 0.0, 1.0, 7.5, 31.0, 61.0]),
            st.sampled_from([("a",), ("a", "b"), ("a", "c"), ("b",)]),
        ),
        max_size=30,
    ),
)
async def test_redis_and_the_fallback_decide_alike(redis_url, limit, steps) -> None:
    clock = Ticking()
    async with Redis.from_url(redis_url) as redis:
        service = f"test-{uuid.uuid4().hex}"
        shared = RateLimiter(
            service=service, per_minute=limit, redis=redis, now=clock, redis_timeout_seconds=10
        )
        local = RateLimiter(service=service, per_minute=limit, redis=None, now=clock)
        for seconds, keys in steps:
            clock.now += seconds
            assert await allowed(shared, *keys) == await allowed(local, *keys)
        assert not shared._local._counts


async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await asyncio.sleep(30)
    finally:
        writer.close()


async def test_a_redis_that_hangs_costs_a_moment_once_and_limits_hold() -> None:
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    redis = Redis.from_url(f"redis://127.0.0.1:{port}/0")
    limiter = RateLimiter(
        service="test", per_minute=3, redis=redis, now=Ticking(), redis_timeout_seconds=1.0
    )
    started = time.monotonic()
    assert [await allowed(limiter) for _ in range(5)] == [True] * 3 + [False] * 2
    assert time.monotonic() - started < 4.0, "five moments would be five seconds"
    await limiter.close()
    server.close()


async def test_it_comes_back_to_redis_by_itself(redis_url, service, monkeypatch) -> None:
    monkeypatch.setattr(rate_limits, "REDIS_PAUSE_SECONDS", 0.05)
    redis = Redis.from_url(redis_url)
    limiter = RateLimiter(
        service=service, per_minute=100, redis=redis, now=Ticking(), redis_timeout_seconds=10
    )
    real_eval = redis.eval

    async def broken(*_args: object) -> None:
        raise ConnectionError

    redis.eval = broken
    assert await allowed(limiter)
    redis.eval = real_eval
    await asyncio.sleep(0.06)
    assert await allowed(limiter)
    assert len([name async for name in redis.scan_iter(f"rate:{service}:*")]) == 1
    await limiter.close()


async def test_connections_that_redis_closed_are_opened_again_unnoticed(redis_url, service) -> None:
    redis = redis_for_counting(f"{redis_url}?client_name={service}")
    limiter = RateLimiter(
        service=service, per_minute=30, redis=redis, now=Ticking(), redis_timeout_seconds=10
    )
    assert all(await asyncio.gather(*(allowed(limiter) for _ in range(3))))
    async with Redis.from_url(redis_url) as other:
        own = [client["id"] for client in await other.client_list() if client["name"] == service]
        assert own
        for client_id in own:
            await other.client_kill_filter(_id=client_id)
    answers = await asyncio.gather(*(allowed(limiter) for _ in range(30)))
    assert sum(answers) == 27, "in Redis, where three are counted already"
    await limiter.close()


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_connection_that_was_reset_is_opened_again_unnoticed(loop) -> None:
    """A Redis that ends its connections without a word; uvloop tells of it in its own way."""
    opened: list[asyncio.StreamWriter] = []

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        with suppress(ConnectionError):
            while asked := await reader.read(65_536):
                writer.write(b"+OK\r\n" * asked.count(b"SETINFO"))
                writer.write(b"*3\r\n:1\r\n:0\r\n:0\r\n" * asked.count(b"EVAL"))

    async def scenario() -> None:
        server = await asyncio.start_server(counting, "127.0.0.1", 0)
        redis = redis_for_counting(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        limiter = RateLimiter(service="test", per_minute=1, redis=redis, redis_timeout_seconds=10)
        assert await allowed(limiter)
        at_once = struct.pack("ii", 1, 0)
        opened[0].get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        opened[0].transport.abort()
        await asyncio.sleep(0.05)
        assert await allowed(limiter), "asked again: this process by itself would refuse a second"
        assert await allowed(limiter)
        assert len(opened) == 2
        opened[1].transport.abort()
        await limiter.close()
        server.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(scenario())
