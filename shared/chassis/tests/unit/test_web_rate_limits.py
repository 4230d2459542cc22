"""Limits per address and per user without Redis, and whose address it is."""

import pytest
from fastapi import APIRouter, Depends, Request
from hypothesis import given
from hypothesis import strategies as st
from web_parts import Keys, app_with, bearer, client_of, local_limiter

from opside_chassis import access, rate_limits
from opside_chassis.errors import BadRequest, TooManyRequests
from opside_chassis.rate_limits import WINDOW_SECONDS, PathLimits, limit_refused
from opside_chassis.request_context import limit_key, resolve_client_address

router = APIRouter(prefix="/t", dependencies=[Depends(access.public())])


@router.get("/ok")
@router.get("/hooks")
async def _ok() -> str:
    return "ok"


@router.get("/hooks/refused")
async def _refused(request: Request) -> str:
    await limit_refused(request)
    raise BadRequest("not signed")


async def statuses(client, path: str, times: int, **headers: str) -> list[int]:
    return [(await client.get(path, headers=headers)).status_code for _ in range(times)]


async def test_an_address_over_its_limit_gets_a_problem_with_retry_after() -> None:
    async with client_of(app_with(router, limiter=local_limiter(3))) as client:
        assert await statuses(client, "/t/ok", 4) == [200, 200, 200, 429]
        answer = await client.get("/t/ok")
        assert answer.json()["code"] == "too_many_requests"
        assert 1 <= int(answer.headers["retry-after"]) <= 2 * WINDOW_SECONDS
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_unknown_addresses_count_and_probes_do_not() -> None:
    async with client_of(app_with(router, limiter=local_limiter(2))) as client:
        assert await statuses(client, "/nowhere", 3) == [404, 404, 429]
        assert await statuses(client, "/health", 5) == [200] * 5
        assert await statuses(client, "/health/ready", 5) == [200] * 5
        assert await statuses(client, "/healthy", 1) == [429]


async def test_each_client_is_counted_alone() -> None:
    app = app_with(router, limiter=local_limiter(1))
    for address in ("192.0.2.1", "192.0.2.2"):
        async with client_of(app, client=(address, 1)) as client:
            assert await statuses(client, "/t/ok", 2) == [200, 429]


async def test_a_path_may_have_its_own_limit_and_its_own_count() -> None:
    limits = (PathLimits("/t/hooks", requests_per_minute=4),)
    app = app_with(router, limiter=local_limiter(1), path_limits=limits)
    async with client_of(app) as client:
        assert await statuses(client, "/t/hooks", 5) == [200] * 4 + [429]
        assert await statuses(client, "/t/ok", 2) == [200, 429]


async def test_a_path_may_count_only_what_it_refuses() -> None:
    limits = (PathLimits("/t/hooks", requests_per_minute=2, counted=False),)
    app = app_with(router, limiter=local_limiter(1), path_limits=limits)
    async with client_of(app) as client:
        assert await statuses(client, "/t/hooks", 5) == [200] * 5
        assert await statuses(client, "/t/hooks/refused", 3) == [400, 400, 429]
        assert await statuses(client, "/t/hooks", 1) == [200]


async def test_services_are_not_limited_by_address_but_pretenders_are() -> None:
    keys = Keys()
    app = app_with(router, keys=keys, limiter=local_limiter(2))
    async with client_of(app) as client:
        good = bearer(keys.service_token())
        assert await statuses(client, "/t/ok", 5, **good) == [200] * 5
        for wrong in (
            bearer(keys.user_token()),
            bearer(keys.service_token(audience="main-api")),
            bearer("x.y.z"),
        ):
            app.state.rate_limiter = local_limiter(2)
            assert await statuses(client, "/t/ok", 3, **wrong) == [200, 200, 429]


async def test_an_address_is_bounded_whoever_its_users_are() -> None:
    keys = Keys()
    app = app_with(router, keys=keys, limiter=local_limiter(2))
    async with client_of(app) as client:
        users = [bearer(keys.user_token(user_id=f"usr_{number}")) for number in range(3)]
        seen = [(await statuses(client, "/t/ok", 1, **user))[0] for user in users]
        assert seen == [200, 200, 429]


async def test_forwarded_addresses_count_only_behind_trusted_proxies() -> None:
    for hops, expected in ((0, [200, 429]), (1, [200, 200])):
        app = app_with(router, limiter=local_limiter(1), trusted_proxy_hops=hops)
        async with client_of(app) as client:
            seen = [
                (await client.get("/t/ok", headers={"X-Forwarded-For": f"192.0.2.{n}"})).status_code
                for n in range(2)
            ]
            assert seen == expected


@pytest.mark.parametrize(
    ("lines", "hops", "found"),
    [
        (["198.51.100.7"], 0, "10.0.0.1"),
        (["198.51.100.7"], 1, "198.51.100.7"),
        (["6.6.6.6, 198.51.100.7"], 1, "198.51.100.7"),
        (["6.6.6.6, 198.51.100.7, 10.0.0.9"], 2, "198.51.100.7"),
        (["6.6.6.6", "198.51.100.7,10.0.0.9"], 2, "198.51.100.7"),
        (["198.51.100.7"], 2, "10.0.0.1"),
        ([], 1, "10.0.0.1"),
        (["unknown"], 1, "10.0.0.1"),
        (["6.6.6.6, "], 1, "10.0.0.1"),
        (["198.51.100.7:4711"], 1, "198.51.100.7"),
        (["[2001:db8::1]:443"], 1, "2001:db8::1"),
        (["2001:db8::1"], 1, "2001:db8::1"),
        (["::ffff:198.51.100.7"], 1, "198.51.100.7"),
    ],
)
def test_the_client_is_counted_from_the_right(lines, hops, found) -> None:
    assert resolve_client_address("10.0.0.1", lines, hops=hops) == found


def test_an_ipv6_client_is_its_network() -> None:
    assert limit_key("2001:db8:1:2:3:4:5:6") == limit_key("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert limit_key("2001:db8:1:3::1") != limit_key("2001:db8:1:2::1")
    assert limit_key("192.0.2.1") == "192.0.2.1"
    assert limit_key("unix:") == "unknown"


class Ticking:
    def __init__(self) -> None:
        self.now = 1_000_000.0 * WINDOW_SECONDS

    def __call__(self) -> float:
        return self.now


async def taken(limiter, times: int) -> int:
    count = 0
    for _ in range(times):
        try:
            await limiter.hit("k")
            count += 1
        except TooManyRequests:
            pass
    return count


async def told_to_wait(limiter) -> int | None:
    try:
        await limiter.hit("k")
    except TooManyRequests as refused:
        return refused.retry_after_seconds
    return None


async def test_a_burst_at_the_windows_border_is_not_doubled() -> None:
    clock = Ticking()
    limiter = local_limiter(10, now=clock)
    clock.now += 59
    assert await taken(limiter, 20) == 10
    clock.now += 2
    assert await taken(limiter, 20) == 0
    clock.now += 29
    assert await taken(limiter, 20) == 5
    clock.now += 2 * WINDOW_SECONDS
    assert await taken(limiter, 20) == 10


@given(
    limit=st.integers(1, 50),
    calls=st.lists(st.tuples(st.floats(0, 90), st.integers(1, 60)), min_size=1, max_size=5),
)
async def test_waiting_as_told_is_enough(limit: int, calls: list[tuple[float, int]]) -> None:
    clock = Ticking()
    limiter = local_limiter(limit, now=clock)
    for pause_seconds, times in calls:
        clock.now += pause_seconds
        await taken(limiter, times)
    wait_seconds = await told_to_wait(limiter)
    if wait_seconds is not None:
        clock.now += wait_seconds
        assert await told_to_wait(limiter) is None


async def test_the_fallbacks_memory_is_bounded(monkeypatch) -> None:
    monkeypatch.setattr(rate_limits, "MAX_LOCAL_KEYS", 50)
    limiter = local_limiter(5)
    for number in range(500):
        await limiter.hit(f"address:{number}")
    assert len(limiter._local._counts) <= 50
