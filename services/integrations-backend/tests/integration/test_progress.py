"""A sync's progress, live: the payload of the status, to its owner alone, whatever fails around it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from fakes.amazon_fake import FakeAmazon
from served import progress_of, refused, served, start, told, window
from service import ADA, BEN, Service
from websockets.exceptions import ConnectionClosed

from integrations_backend.reports.kinds import RETURNS
from integrations_backend.sync.progress import (
    LOOK_SECONDS,
    MOST_PER_USER,
    ProgressHub,
    open_progress,
)
from integrations_backend.sync.progress_hints import ProgressHints, open_hints


@pytest_asyncio.fixture(loop_scope="session")
async def address(service: Service) -> AsyncIterator[str]:
    async with served(service.app) as at:
        yield at


@pytest_asyncio.fixture(loop_scope="session")
async def sync_id(service: Service, amazon: FakeAmazon) -> str:
    """A running sync of Ada's; Amazon still writes one report."""
    amazon.unfinished = {RETURNS}
    await service.connect(ADA)
    return await start(service, ADA)


async def shown(service: Service, sync_id: str) -> object:
    async with service.as_user(ADA) as browser:
        return (await browser.get(f"/api/sync/status/{sync_id}")).json()["data"]


@pytest.mark.parametrize("prefix", ["/api", "/api/v1"])
async def test_the_window_shows_what_the_status_shows_until_the_end(
    service: Service, amazon: FakeAmazon, address: str, sync_id: str, prefix: str
) -> None:
    async with window(address, progress_of(sync_id, prefix), service.gateway_token(ADA)) as opened:
        messages = [await told(opened)]
        assert messages[0] == await shown(service, sync_id)
        await service.work(rounds=2)
        messages.append(await told(opened))
        amazon.unfinished.clear()
        await service.work()
        while messages[-1]["status"] == "running":
            messages.append(await told(opened))
        with pytest.raises(ConnectionClosed) as closed:
            await told(opened)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1000
    percents = [one["percent"] for one in messages]
    assert percents == sorted(percents)
    assert (percents[0], percents[-1]) == (5, 100)
    assert messages[-1] == await shown(service, sync_id)


async def test_a_sync_that_is_over_is_told_once(
    service: Service, amazon: FakeAmazon, address: str, sync_id: str
) -> None:
    amazon.unfinished.clear()
    await service.work()
    async with window(address, progress_of(sync_id), service.user_token(ADA)) as opened:
        assert (await told(opened))["status"] == "done"
        with pytest.raises(ConnectionClosed):
            await told(opened)


async def test_a_cancelled_sync_closes_the_window(
    service: Service, address: str, sync_id: str
) -> None:
    async with window(address, progress_of(sync_id), service.gateway_token(ADA)) as opened:
        await told(opened)
        async with service.as_user(ADA) as browser:
            await browser.delete(f"/api/sync/cancel/{sync_id}")
        assert (await told(opened))["status"] == "cancelled"


async def test_only_the_owner_may_look(service: Service, address: str, sync_id: str) -> None:
    path, unknown = progress_of(sync_id), progress_of("syn_0")
    status, body = await refused(address, path, service.gateway_token(BEN))
    nothing, same = await refused(address, unknown, service.gateway_token(BEN))
    assert (status, body["code"]) == (404, "no_such_sync")
    own = {"instance": "", "requestId": ""}
    assert (nothing, same | own) == (status, body | own)
    admin = service.gateway_token("usr_olga", role="admin")
    assert (await refused(address, path, admin))[0] == 404
    assert (await refused(address, path))[0] == 401
    assert (await refused(address, path, service.user_token(ADA)[:-4] + "AAAA"))[0] == 401
    elsewhere = service.user_token(ADA, audience="stripe-payments")
    assert (await refused(address, path, elsewhere))[0] == 401
    assert (await refused(address, path, service.user_token(ADA, role="auditor")))[0] == 403


async def test_another_page_may_not_listen(service: Service, address: str, sync_id: str) -> None:
    token, path = service.user_token(ADA), progress_of(sync_id)
    status, body = await refused(address, path, token, Origin="https://evil.example")
    assert (status, body["code"]) == (403, "forbidden")
    async with window(address, path, token, Origin=service.runtime.settings.app_url) as opened:
        assert (await told(opened))["syncId"] == sync_id


async def test_a_user_has_so_many_windows_and_a_closed_one_makes_room(
    service: Service, address: str, sync_id: str
) -> None:
    token, path = service.gateway_token(ADA), progress_of(sync_id)
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(window(address, path, token))
            for _ in range(MOST_PER_USER)
        ]
        for one in opened:
            assert (await told(one))["syncId"] == sync_id
        assert (await refused(address, path, token))[0] == 429
        await opened[0].close()
        for _ in range(1_000):
            if (await refused(address, path, token))[0] == 101:
                break
            await asyncio.sleep(0.02)
        else:
            pytest.fail("a closed window makes no room")
    hub: ProgressHub = service.app.state.progress
    for _ in range(1_000):
        if not hub._windows and not hub._watched:
            return
        await asyncio.sleep(0.02)
    pytest.fail("what nobody watches is still looked at")


async def test_what_a_client_says_is_not_kept_and_too_much_of_it_ends_the_window(
    service: Service, address: str, sync_id: str
) -> None:
    token, path = service.gateway_token(ADA), progress_of(sync_id)
    async with window(address, path, token) as chatty:
        await told(chatty)
        for _ in range(500):
            await chatty.send("hello")
        async with service.as_user(ADA) as browser:
            await browser.delete(f"/api/sync/cancel/{sync_id}")
        assert (await told(chatty))["status"] == "cancelled"


async def test_who_does_not_read_holds_nobody_up_and_then_gets_the_newest(
    service: Service, sync_id: str, redis_url: str
) -> None:
    async with (
        open_progress(service.sessions, redis_url) as hub,
        open_hints(redis_url) as hints,
        hub.watch(user_id=ADA, sync_id=sync_id) as slow,
        hub.watch(user_id=ADA, sync_id=sync_id) as fast,
    ):
        assert (await slow.next()).total_cases == 0
        await fast.next()
        for number in range(1, 6):
            await service.execute("UPDATE sync_jobs SET total_cases = :n", n=number)
            await hints.tell(sync_id)
            assert (await fast.next()).total_cases == number
        assert (await slow.next()).total_cases == 5


async def test_every_process_hears_of_a_change_at_once(
    service: Service, sync_id: str, redis_url: str
) -> None:
    async with (
        open_hints(redis_url) as worker,
        open_progress(service.sessions, redis_url) as one,
        open_progress(service.sessions, redis_url) as two,
        one.watch(user_id=ADA, sync_id=sync_id) as first,
        two.watch(user_id=ADA, sync_id=sync_id) as second,
    ):
        await first.next()
        await second.next()
        for _ in range(1_000):
            if one._hints.heard and two._hints.heard:
                break
            await asyncio.sleep(0.01)
        await service.execute("UPDATE sync_jobs SET total_cases = 7")
        begun = time.monotonic()
        await worker.tell(sync_id)
        statuses = await asyncio.gather(first.next(), second.next())
        assert [one.total_cases for one in statuses] == [7, 7]
        assert time.monotonic() - begun < LOOK_SECONDS - 1, "sooner than by looking alone"


async def test_without_redis_postgres_is_looked_into(service: Service, sync_id: str) -> None:
    async with (
        open_progress(service.sessions, "redis://127.0.0.1:1/0") as hub,
        hub.watch(user_id=ADA, sync_id=sync_id) as watch,
    ):
        await watch.next()
        await service.execute("UPDATE sync_jobs SET total_cases = 9")
        async with asyncio.timeout(30):
            assert (await watch.next()).total_cases == 9


async def test_a_quiet_sync_is_told_again_as_a_heartbeat(service: Service, sync_id: str) -> None:
    hints = ProgressHints.connect("redis://127.0.0.1:1/0")
    hub = ProgressHub(service.sessions, hints, heartbeat_seconds=0.1)
    async with hub.watch(user_id=ADA, sync_id=sync_id) as watch:
        first = await watch.next()
        assert await watch.next() == first
    await hints.close()
