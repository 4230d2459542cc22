"""The wire between services, against a neighbour that says byte for byte what a test wants."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable

import pytest
from scripted import (
    MEBIBYTE,
    OK,
    Line,
    Script,
    answering,
    client_of,
    get,
    scripted,
    wire_to,
)

from opside_chassis.errors import Unavailable
from opside_chassis.forwarding import answer_headers
from opside_chassis.http_wire import (
    CONNECT_TIMEOUT_SECONDS,
    Answer,
    BrokenOff,
    HttpWire,
    HungUp,
    NeverSent,
    Outgoing,
)


async def test_one_connection_serves_one_request_after_the_other() -> None:
    async with scripted(answering(OK)) as neighbour, wire_to(neighbour) as wire:
        for _ in range(5):
            answer = await wire.send(get())
            assert await answer.aread() == b"ok"
            await answer.aclose()
        assert len(neighbour.lines) == 1


async def test_a_request_says_what_it_was_told_to_and_nothing_of_the_library() -> None:
    heads: list[bytes] = []

    async def script(line: Line) -> None:
        heads.append(await line.asked())
        await line.say(OK)

    async with scripted(script) as neighbour, wire_to(neighbour) as wire:
        await wire.send(Outgoing("GET", "/a%2Fb/%41?x=%2F&y=a+b", {"x-own": "1"}, None, 5))
    first, *rest = heads[0].decode().strip().split("\r\n")
    assert first == "GET /a%2Fb/%41?x=%2F&y=a+b HTTP/1.1"
    names = {line.partition(":")[0].lower() for line in rest}
    assert names == {"host", "x-own"}


async def test_a_query_of_any_bytes_stays_in_its_line() -> None:
    heads: list[bytes] = []

    async def script(line: Line) -> None:
        heads.append(await line.asked())
        await line.say(OK)

    async with scripted(script) as neighbour, client_of(neighbour) as client:
        answer = await client.forward("GET", "/a b", scope="s", query=b"q=\xe4 \r\nX-Evil: 1")
        await answer.aclose()
    assert heads[0].startswith(b"GET /a%20b?q=%E4%20%0D%0AX-Evil:%201 HTTP/1.1\r\n")
    assert b"\nX-Evil" not in heads[0]


async def test_a_kept_connection_that_was_closed_meanwhile_costs_a_read_nothing() -> None:
    """The neighbour closes at the moment it is asked again, as a restart or a timeout does."""

    tokens: list[str] = []

    async def script(line: Line) -> None:
        tokens.append((await line.asked()).decode().lower().partition("authorization: ")[2])
        await line.say(OK)
        await line.asked()
        if line.number == 1:
            return
        await line.say(OK)

    async with scripted(script) as neighbour, client_of(neighbour) as client:
        for _ in range(2):
            answer = await client.forward("GET", "/a", scope="s")
            assert await answer.aread() == b"ok"
        assert len(neighbour.lines) == 2
    assert len(set(tokens)) == 2


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_what_may_have_been_done_is_not_passed_on_twice(method: str) -> None:
    async def script(line: Line) -> None:
        await line.asked()

    async with scripted(script) as neighbour, client_of(neighbour) as client:
        with pytest.raises(Unavailable):
            await client.forward(method, "/a", scope="s")
        assert len(neighbour.lines) == 1


async def test_a_neighbour_that_hangs_up_on_every_read_is_asked_twice() -> None:
    async def script(line: Line) -> None:
        await line.asked()

    async with scripted(script) as neighbour, client_of(neighbour) as client:
        with pytest.raises(Unavailable):
            await client.forward("GET", "/a", scope="s")
        assert len(neighbour.lines) == 2


async def test_the_wire_itself_tries_once() -> None:
    async def script(line: Line) -> None:
        await line.asked()

    async with scripted(script) as neighbour, wire_to(neighbour) as wire:
        with pytest.raises(HungUp):
            await wire.send(get())
        assert len(neighbour.lines) == 1


@pytest.mark.parametrize(
    "begun",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ],
)
async def test_an_answer_that_breaks_off_in_its_midst_is_never_taken_for_a_whole_one(
    begun: bytes,
) -> None:
    async def script(line: Line) -> None:
        await line.asked()
        await line.say(begun)

    async with scripted(script) as neighbour, wire_to(neighbour) as wire:
        answer = await wire.send(get())
        with pytest.raises(BrokenOff):
            await answer.aread()
        answer = await wire.send(get())
        with pytest.raises(BrokenOff):
            [part async for part in answer.aiter_raw()]


@pytest.mark.parametrize(
    "said", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nA b\r\n\r\n", b"\x16\x03"]
)
async def test_an_answer_that_is_no_http_is_broken_off(said: bytes) -> None:
    async def script(line: Line) -> None:
        await line.asked()
        await line.say(said)

    async with scripted(script) as neighbour, wire_to(neighbour) as wire:
        with pytest.raises(BrokenOff):
            await wire.send(get())


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Le"])
async def test_silence_before_an_answer_ends(said: bytes) -> None:
    async def script(line: Line) -> None:
        await line.asked()
        await line.say(said)
        await asyncio.sleep(5)

    async with scripted(script) as neighbour, wire_to(neighbour) as wire:
        async with asyncio.timeout(2):
            with pytest.raises(BrokenOff):
                await wire.send(get(seconds=0.2))


async def test_silence_in_a_body_ends_and_a_slow_body_does_not() -> None:
    async def script(line: Line) -> None:
        await line.asked()
        await line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        for _ in range(8):
            await asyncio.sleep(0.1)
            await line.say(b"x")
        await asyncio.sleep(5)

    async with scripted(script) as neighbour, wire_to(neighbour) as wire:
        answer = await wire.send(get(seconds=0.4))
        got = b""
        async with asyncio.timeout(3):
            with pytest.raises(BrokenOff):
                async for part in answer.aiter_raw():
                    got += part
        assert got == b"xxxxxxxx"


async def test_nobody_there_is_told_from_an_answer_that_broke_off() -> None:
    async with scripted(answering(OK)) as neighbour:
        url = neighbour.url
    wire = HttpWire(url)
    with pytest.raises(NeverSent):
        await wire.send(get())
    await wire.close()
    assert CONNECT_TIMEOUT_SECONDS <= 2


async def test_headers_are_long_and_not_without_end() -> None:
    def script_of(size: int) -> Script:
        return answering(
            b"HTTP/1.1 200 OK\r\nLocation: /" + b"x" * size + b"\r\nContent-Length: 0\r\n\r\n"
        )

    async with scripted(script_of(16_000)) as neighbour, wire_to(neighbour) as wire:
        answer = await wire.send(get())
        assert len(answer.headers["location"]) == 16_001
    async with scripted(script_of(MEBIBYTE)) as neighbour, wire_to(neighbour) as wire:
        with pytest.raises(BrokenOff):
            await wire.send(get())


@pytest.mark.parametrize(
    ("method", "head"),
    [
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b'HTTP/1.1 304 Not Modified\r\nETag: "7"\r\nContent-Length: 99\r\n\r\n'),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"),
        ("DELETE", b"HTTP/1.1 204 No Content\r\n\r\n"),
    ],
)
async def test_answers_without_a_body_leave_the_connection_to_the_next(
    method: str, head: bytes
) -> None:
    async with scripted(answering(head)) as neighbour, wire_to(neighbour) as wire:
        for _ in range(2):
            answer = await wire.send(Outgoing(method, "/a", {}, None, 1.0))
            assert await answer.aread() == b""
            await answer.aclose()
        assert len(neighbour.lines) == 1


async def test_cookies_are_kept_for_nobody_and_given_to_nobody() -> None:
    heads: list[bytes] = []

    async def script(line: Line) -> None:
        while True:
            heads.append(await line.asked())
            await line.say(
                b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\n"
                b"Vary: Accept\r\nVary: Cookie\r\nContent-Length: 0\r\n\r\n"
            )

    async with scripted(script) as neighbour, wire_to(neighbour) as wire:
        for _ in range(2):
            answer = await wire.send(get())
            await answer.aclose()
            assert answer_headers(answer) == {"vary": "Accept, Cookie", "content-length": "0"}
    assert not any(b"cookie" in head.lower() for head in heads)


async def test_a_redirect_is_an_answer() -> None:
    moved = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    async with scripted(answering(moved)) as neighbour, wire_to(neighbour) as wire:
        answer = await wire.send(get())
        assert (answer.status_code, answer.headers["location"]) == (307, "/elsewhere")
        assert len(neighbour.lines) == 1


async def test_proxies_of_the_environment_see_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted(answering(OK)) as proxy, scripted(answering(OK)) as neighbour:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        async with wire_to(neighbour) as wire:
            await (await wire.send(get())).aclose()
        assert (len(proxy.lines), len(neighbour.lines)) == (0, 1)


async def test_a_compressed_answer_is_passed_on_as_it_is() -> None:
    packed = gzip.compress(b"x" * 1000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    async with scripted(answering(head + packed)) as neighbour, wire_to(neighbour) as wire:
        answer = await wire.send(get())
        assert answer_headers(answer)["content-encoding"] == "gzip"
        assert await answer.aread() == packed


async def left_by_closing(answer: Answer) -> None:
    async for _ in answer.aiter_raw():
        break
    await answer.aclose()


async def left_by_cancelling(answer: Answer) -> None:
    async def read() -> None:
        async for _ in answer.aiter_raw():
            await asyncio.sleep(0)

    reading = asyncio.create_task(read())
    await asyncio.sleep(0.05)
    reading.cancel()
    await asyncio.wait({reading})


@pytest.mark.parametrize("leave", [left_by_closing, left_by_cancelling])
async def test_who_leaves_an_answer_leaves_its_connection(
    leave: Callable[[Answer], Awaitable[None]],
) -> None:
    """Whatever of it still comes must never be read as the answer to somebody else."""

    left = asyncio.Event()

    async def script(line: Line) -> None:
        await line.asked()
        if line.number > 1:
            await line.say(OK)
            return
        await line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n")
        try:
            while True:
                await line.say(b"x" * MEBIBYTE)
        finally:
            left.set()

    async with scripted(script) as neighbour, wire_to(neighbour) as wire:
        await leave(await wire.send(get()))
        async with asyncio.timeout(2):
            await left.wait()
        assert await (await wire.send(get())).aread() == b"ok"
