"""Attacks below HTTP libraries: bytes that two parsers read differently."""

import asyncio
from typing import Any

import httptools
import uvicorn
from security.house import House, Session
from security.row import Attack, Built
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

QUIET_SECONDS = 1.0
"""A server that has nothing more to say; it also closes, mostly at once."""


async def raw(url: str, sent: bytes) -> list[int]:
    """Send bytes; the statuses of all answers until the server closes or falls silent."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    received = b""
    try:
        writer.write(sent)
        await writer.drain()
        while chunk := await asyncio.wait_for(reader.read(65_536), QUIET_SECONDS):
            received += chunk
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.close()
    marked = received.split(b"HTTP/1.1 ")[1:]
    return [int(answer[:3]) for answer in marked]


def request(line: str, session: Session, *headers: str, body: bytes = b"") -> bytes:
    """The bytes of one request of a signed-in browser, with the headers as they are written."""
    cookie = f"Cookie: {session.cookie()['Cookie']}"
    lines = [f"{line} HTTP/1.1", "Host: here.test", cookie, *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


SMUGGLED = b"GET /api/cases/smuggled HTTP/1.1\r\nHost: here.test\r\n\r\n"
AMBIGUOUS = {
    "length and chunks": ("Content-Length: {length}", "Transfer-Encoding: chunked"),
    "chunks and length": ("Transfer-Encoding: chunked", "Content-Length: {length}"),
    "two lengths": ("Content-Length: 5", "Content-Length: {length}"),
    "two lengths in one": ("Content-Length: 5, {length}",),
    "a length with a sign": ("Content-Length: +{length}",),
    "a length before a blank": ("Content-Length : {length}",),
    "chunks that are not last": ("Transfer-Encoding: chunked, identity",),
    "chunks of another name": ("Transfer-Encoding: xchunked",),
    "chunks after a tab": ("Transfer-Encoding:\tchunked", "Content-Length: {length}"),
    "chunks on a second line": ("Transfer-Encoding:", " chunked", "Content-Length: {length}"),
    "chunks before a blank": ("Transfer-Encoding : chunked", "Content-Length: {length}"),
    "a bare line feed": ("X: y\nTransfer-Encoding: chunked", "Content-Length: {length}"),
}
BODY = b"0\r\n\r\n" + SMUGGLED


async def smuggled(house: House) -> set[str]:
    """One request whose end is told twice, with another behind it: what was not refused outright."""
    session = await house.signed_in()
    proof = [f"{name}: {value}" for name, value in session.proof().items() if name != "Cookie"]
    taken = set()
    for name, shape in AMBIGUOUS.items():
        headers = [one.format(length=len(BODY)) for one in shape]
        sent = request("POST /api/sync/start", session, *proof, *headers, body=BODY)
        statuses = await raw(house.main_api, sent)
        if statuses != [400]:
            taken.add(name)
    return taken


class LenientProtocol(HttpToolsProtocol):
    """uvicorn's own, told to overlook what the parser would refuse."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(
            lenient_chunked_length=True, lenient_data_after_close=True
        )


def lenient(config: uvicorn.Config) -> None:
    config.http = LenientProtocol


ATTACKS = (
    Attack(
        "wire: a request with two ends",
        smuggled,
        set(),
        Built(server=lenient),
        {"length and chunks", "chunks and length", "chunks after a tab", "chunks of another name"},
    ),
)
