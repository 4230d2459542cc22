"""Bodies of requests on the wire between services: streamed, slow, refused, broken off."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from scripted import (
    MEBIBYTE,
    OK,
    Line,
    scripted,
    wire_to,
)

from opside_chassis.http_wire import (
    BrokenOff,
    Outgoing,
)


async def test_a_body_is_read_no_faster_than_it_is_taken() -> None:
    taken, go_on = 0, asyncio.Event()

    async def script(line: Line) -> None:
        await line.asked()
        await go_on.wait()
        while not (await line.reader.read(MEBIBYTE)).endswith(b"\r\n0\r\n\r\n"):
            pass
        await line.say(OK)

    async def parts() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(64):
            taken += 1
            yield b"x" * MEBIBYTE

    async with scripted(script) as neighbour, wire_to(neighbour) as wire:
        sending = asyncio.create_task(wire.send(Outgoing("POST", "/a", {}, parts(), 5)))
        await asyncio.sleep(0.5)
        assert 0 < taken < 32
        go_on.set()
        assert await (await sending).aread() == b"ok"
        assert taken == 64


async def mebibytes(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * MEBIBYTE


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_neighbour_that_takes_no_body_is_given_up(streamed: bool) -> None:
    async def script(_line: Line) -> None:
        await asyncio.sleep(5)

    body = mebibytes(64) if streamed else b"x" * 64 * MEBIBYTE
    async with scripted(script) as neighbour, wire_to(neighbour) as wire:
        async with asyncio.timeout(3):
            with pytest.raises(BrokenOff):
                await wire.send(Outgoing("POST", "/a", {}, body, 0.3))


async def drops(seconds: float) -> AsyncIterator[bytes]:
    """A body of six bytes, one after the other."""
    for _ in range(6):
        await asyncio.sleep(seconds)
        yield b"x"


async def test_a_slow_body_is_waited_for() -> None:
    async def script(line: Line) -> None:
        await line.asked()
        await line.reader.readexactly(6)
        await line.say(OK)

    async with scripted(script) as neighbour, wire_to(neighbour) as wire:
        answer = await wire.send(Outgoing("POST", "/a", {"content-length": "6"}, drops(0.1), 0.3))
        assert await answer.aread() == b"ok"


class _ClientGoneError(Exception):
    pass


@pytest.mark.parametrize("headers", [{}, {"content-length": "9"}])
async def test_a_body_whose_sender_goes_away_is_never_taken_for_a_whole_one(
    headers: dict[str, str],
) -> None:
    heard = b""

    async def script(line: Line) -> None:
        nonlocal heard
        await line.asked()
        heard = await line.reader.read(MEBIBYTE)
        heard += await line.reader.read()

    async def parts() -> AsyncIterator[bytes]:
        yield b"half"
        raise _ClientGoneError

    async with scripted(script) as neighbour, wire_to(neighbour) as wire:
        with pytest.raises(_ClientGoneError):
            await wire.send(Outgoing("POST", "/a", headers, parts(), 5))
        await asyncio.sleep(0.1)
    assert b"half" in heard
    assert not heard.endswith(b"0\r\n\r\n")


async def test_a_body_goes_on_when_its_answer_has_begun() -> None:
    async def script(line: Line) -> None:
        await line.asked()
        await line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        await line.reader.readexactly(6)
        await line.say(b"ok")

    async with scripted(script) as neighbour, wire_to(neighbour) as wire:
        answer = await wire.send(Outgoing("POST", "/a", {"content-length": "6"}, drops(0.05), 1.0))
        assert await answer.aread() == b"ok"


async def test_a_body_that_fails_when_its_answer_has_begun_ends_the_answer() -> None:
    async def script(line: Line) -> None:
        await line.asked()
        await line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        await line.reader.read()

    async def parts() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(0.1)
        raise _ClientGoneError

    async with scripted(script) as neighbour, wire_to(neighbour) as wire:
        answer = await wire.send(Outgoing("POST", "/a", {}, parts(), 5.0))
        async with asyncio.timeout(2):
            with pytest.raises(BrokenOff):
                await answer.aread()


async def test_an_answer_before_the_end_of_the_body_costs_the_connection() -> None:
    """The rest of the body is nobody's next request."""

    async def script(line: Line) -> None:
        await line.asked()
        await line.say(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        await line.reader.read()

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(20):
            await asyncio.sleep(0.02)
            yield b"x" * 1000

    async with scripted(script) as neighbour, wire_to(neighbour) as wire:
        for number in (1, 2):
            answer = await wire.send(Outgoing("POST", "/a", {}, parts(), 5))
            assert (answer.status_code, await answer.aread()) == (413, b"no")
            await answer.aclose()
            assert len(neighbour.lines) == number
