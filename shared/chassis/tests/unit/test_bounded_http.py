"""What comes before a request is bounded, over a real socket: bytes, headers, and time."""

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
import pytest_asyncio
from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web_parts import app_with, served

from opside_chassis import access
from opside_chassis.bounded_http import MAX_HEAD_BYTES, MAX_HEADERS, BoundedHttp, JoinedWrites

router = APIRouter(prefix="/t", dependencies=[Depends(access.public())])

CRLF = b"\r\n"
LINE = b"GET /t/headers HTTP/1.1\r\nhost: here.test\r\n"
MOST_SENT = 4 * 1024 * 1024
"""What a server reads and what lies in both sides' buffers, amply."""


@router.get("/headers")
@router.post("/headers")
async def _headers(request: Request) -> int:
    await request.body()
    assert "x-trailer" not in request.headers
    return len(request.headers)


@router.get("/slow")
async def _slow() -> str:
    await asyncio.sleep(0.6)
    return "slow"


@router.get("/stream")
async def _stream() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        await asyncio.sleep(0.6)
        yield b"late"

    return StreamingResponse(parts())


class Impatient(BoundedHttp):
    """Waits for a head no longer than a test."""

    max_head_seconds = 0.3


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def url() -> AsyncIterator[str]:
    async with served(app_with(router), lifespan="off") as address:
        yield address


async def connected(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = url.removeprefix("http://").partition(":")
    return await asyncio.open_connection(host, int(port))


async def said(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the server closes or falls silent."""
    received = b""
    try:
        while chunk := await asyncio.wait_for(reader.read(65_536), 2):
            received += chunk
    except (TimeoutError, ConnectionError):
        pass
    return received


async def exchanged(url: str, *parts: bytes) -> bytes:
    """What is answered to these bytes, sent one part after the other."""
    reader, writer = await connected(url)
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0)
    answer = await said(reader)
    writer.close()
    return answer


def statuses(answer: bytes) -> list[int]:
    return [int(one[:3]) for one in answer.split(b"HTTP/1.1 ")[1:]]


async def swallowed(url: str, beginning: bytes, again: bytes) -> int:
    """How many bytes a server takes of a client that never stops."""
    reader, writer = await connected(url)
    sent = 0
    try:
        writer.write(beginning)
        while sent < MOST_SENT:
            writer.write(again)
            sent += len(again)
            async with asyncio.timeout(5):
                await writer.drain()
    except (ConnectionError, TimeoutError):
        pass
    finally:
        writer.transport.abort()
    assert not reader.at_eof() or sent < MOST_SENT
    return sent


CHUNKED = b"POST /t/headers HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"


@pytest.mark.parametrize(
    ("beginning", "again"),
    [
        (LINE, b"x: " + b"y" * 97 + CRLF),
        (LINE, b"x:\r\n" * 1000),
        (LINE + b"x: ", b"y" * 1000),
        (LINE, b"y" * 1000),
        (b"GET /", b"y" * 1000),
        (b"", b"Y" * 1000),
        (b"", CRLF * 500),
        (CHUNKED, b"x-trailer: " + b"y" * 89 + CRLF),
        (CHUNKED + b"x-trailer: ", b"y" * 1000),
        (CHUNKED[:-5] + b"1;", b"y" * 1000),
    ],
    ids=[
        "headers", "small headers", "a value", "a name", "an address", "a method",
        "line breaks", "trailers", "a trailer", "a chunk's extension",
    ],
)  # fmt: skip
async def test_a_client_that_never_stops_is_left(url: str, beginning: bytes, again: bytes) -> None:
    assert await swallowed(url, beginning, again) < MOST_SENT


@pytest.mark.parametrize(
    "head",
    [
        LINE + (b"x: " + b"y" * 97 + CRLF) * 400,
        LINE + b"x: " + b"y" * (MAX_HEAD_BYTES + 1) + CRLF * 2,
        LINE + b"x:\r\n" * MAX_HEADERS + CRLF,
        b"GET /" + b"y" * (MAX_HEAD_BYTES + 1) + b" HTTP/1.1\r\n\r\n",
    ],
    ids=["many bytes", "one value", "one header too many", "a long address"],
)
async def test_too_large_a_head_is_told_so(url: str, head: bytes) -> None:
    answer = await exchanged(url, head)
    assert statuses(answer) == [431]
    top, _, body = answer.partition(CRLF * 2)
    assert b"connection: close" in top
    assert json.loads(body)["code"] == "request_header_fields_too_large"


async def test_a_large_head_inside_the_bounds_is_served(url: str) -> None:
    many = b"x: y\r\n" * (MAX_HEADERS - 3)
    long = b"z: " + b"y" * (MAX_HEAD_BYTES - 1000) + CRLF
    answer = await exchanged(url, LINE + many + long + b"connection: close\r\n\r\n")
    assert statuses(answer) == [200]
    assert answer.endswith(b"%d" % MAX_HEADERS)


async def test_each_request_of_a_connection_has_bounds_of_its_own(url: str) -> None:
    request = LINE + b"x: " + b"y" * 20_000 + CRLF * 2
    assert statuses(await exchanged(url, *[request] * 5)) == [200] * 5


async def test_a_large_body_is_no_head(url: str) -> None:
    length = 500_000
    head = b"POST /t/headers HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % length
    assert statuses(await exchanged(url, head + b"a" * length)) == [200]
    chunk = b"10000\r\n" + b"a" * 0x10000 + CRLF
    chunked = b"POST /t/headers HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
    assert statuses(await exchanged(url, chunked, *[chunk] * 5, b"0\r\n\r\n")) == [200]


async def test_trailers_are_no_headers(url: str) -> None:
    assert statuses(await exchanged(url, CHUNKED, b"x-trailer: y\r\n\r\n")) == [200]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.integers(0, 140), max_size=6))
async def test_where_a_request_is_cut_does_not_matter(url: str, cuts: list[int]) -> None:
    request = (
        b"POST /t/headers HTTP/1.1\r\nhost: here.test\r\ncontent-length: 3\r\n\r\nabc"
        b"GET /t/headers HTTP/1.1\r\nhost: here.test\r\nconnection: close\r\n\r\n"
    )
    places = sorted({0, *cuts, len(request)})
    parts = [request[start:end] for start, end in pairwise(places)]
    assert statuses(await exchanged(url, *parts)) == [200, 200]


async def test_a_bad_request_is_a_problem(url: str) -> None:
    answer = await exchanged(url, b"NONSENSE\r\n\r\n")
    assert statuses(answer) == [400]
    assert json.loads(answer.partition(CRLF * 2)[2])["code"] == "bad_request"


async def test_a_bad_body_is_the_requests_own_answer(url: str) -> None:
    assert statuses(await exchanged(url, CHUNKED[:-5] + b"no size\r\n")) == [400]


@pytest.mark.parametrize(
    ("before", "drip", "told"),
    [
        (b"", b"", []),
        (LINE, b"", [408]),
        (LINE, b"x", [408]),
        (LINE + CRLF, CRLF, [200, 408]),
        (LINE + CRLF, b"G", [200, 408]),
    ],
    ids=["not one byte", "a head begun", "a slow head", "line breaks between", "the second head"],
)
async def test_a_head_must_come_in_time(before: bytes, drip: bytes, told: list[int]) -> None:
    async with served(app_with(router), http=Impatient, lifespan="off") as url:
        reader, writer = await connected(url)
        writer.write(before)
        answering = asyncio.create_task(reader.read())
        async with asyncio.timeout(5):
            while not answering.done():
                if drip and not writer.transport.is_closing():
                    writer.write(drip[:1] if drip != CRLF else CRLF)
                await asyncio.sleep(0.1)
                drip = b"" if drip == b"G" else drip
        assert statuses(await answering) == told
        writer.close()


async def test_the_next_head_may_wait_for_a_slow_answer_and_never_speaks_into_it() -> None:
    async with served(app_with(router), http=Impatient, lifespan="off") as url:
        slow = b"GET /t/slow HTTP/1.1\r\nhost: here.test\r\n\r\n"
        reader, writer = await connected(url)
        writer.write(slow + LINE)
        await asyncio.sleep(0.5)
        writer.write(CRLF)
        assert statuses(await said(reader)) == [200, 200]
        writer.close()
        answer = await exchanged(url, slow, LINE, b"x: " + b"y" * (MAX_HEAD_BYTES + 1))
        assert 431 not in statuses(answer)


class Written(asyncio.Transport):
    """Writes down what is sent and how."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:  # type: ignore[override]
        assert not self.closed
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"


async def test_head_and_body_of_an_answer_are_sent_as_one() -> None:
    wire = Written()
    joined = JoinedWrites(wire, asyncio.get_running_loop())
    for _ in range(2):
        joined.write(HEAD)
        joined.write(b"body")
        await asyncio.sleep(0)
    assert wire.writes == [HEAD + b"body"] * 2


async def test_a_head_waits_for_one_turn_of_the_loop_and_not_for_the_body() -> None:
    wire = Written()
    joined = JoinedWrites(wire, asyncio.get_running_loop())
    joined.write(HEAD)
    assert wire.writes == []
    await asyncio.sleep(0)
    joined.write(b"body")
    assert wire.writes == [HEAD, b"body"]
    joined.write(HEAD)
    joined.close()
    assert (wire.writes[2:], wire.closed) == ([HEAD], True)
    await asyncio.sleep(0)


async def test_a_head_whose_reader_is_gone_is_dropped() -> None:
    wire = Written()
    joined = JoinedWrites(wire, asyncio.get_running_loop())
    joined.write(HEAD)
    wire.close()  # the other side reset the connection
    await asyncio.sleep(0)
    assert wire.writes == []


async def test_a_body_may_be_a_view_of_memory() -> None:
    wire = Written()
    joined = JoinedWrites(wire, asyncio.get_running_loop())
    joined.write(HEAD)
    joined.write(memoryview(b"body"))
    joined.write(memoryview(b"more"))
    assert wire.writes == [HEAD + b"body", b"more"]


@given(st.lists(st.sampled_from([HEAD, b"body", b"HTTP/1.1 100 Continue\r\n\r\n", "turn"])))
@settings(max_examples=200)
def test_whatever_is_written_is_sent_once_and_in_order(steps: list[bytes | str]) -> None:
    async def run() -> Written:
        wire = Written()
        joined = JoinedWrites(wire, asyncio.get_running_loop())
        for step in steps:
            if isinstance(step, bytes):
                joined.write(step)
            else:
                await asyncio.sleep(0)
        joined.close()
        return wire

    sent = b"".join(step for step in steps if isinstance(step, bytes))
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        assert b"".join(runner.run(run()).writes) == sent


async def test_the_head_of_a_stream_comes_before_its_first_part(url: str) -> None:
    reader, writer = await connected(url)
    writer.write(LINE.replace(b"headers", b"stream") + CRLF)
    head = await asyncio.wait_for(reader.readuntil(CRLF + CRLF), 0.5)
    assert head.startswith(b"HTTP/1.1 200")
    assert b"late" in await asyncio.wait_for(reader.readuntil(b"late"), 2)
    writer.close()
