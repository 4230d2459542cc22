"""A neighbour that says byte for byte what a test wants, and the wire to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from web_parts import HERE, Keys

from opside_chassis.http_client import ServiceClient
from opside_chassis.http_wire import (
    HttpWire,
    Outgoing,
)
from opside_chassis.service_token import ServiceTokens

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
MEBIBYTE = 1024 * 1024


@dataclass
class Line:
    """One connection as the neighbour holds it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int

    async def asked(self) -> bytes:
        """The head of the next request."""
        return await self.reader.readuntil(b"\r\n\r\n")

    async def say(self, answer: bytes) -> None:
        self.writer.write(answer)
        await self.writer.drain()


Script = Callable[[Line], Awaitable[None]]


@dataclass
class Scripted:
    """Plays `script` on each connection, numbered from 1, and hangs up at its end."""

    script: Script
    url: str = ""
    lines: list[Line] = field(default_factory=list)

    async def play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(reader, writer, len(self.lines) + 1)
        self.lines.append(line)
        try:
            await self.script(line)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[Scripted]:
    neighbour = Scripted(script)
    server = await asyncio.start_server(neighbour.play, "127.0.0.1", 0)
    neighbour.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield neighbour
    finally:
        server.close()
        for line in neighbour.lines:
            line.writer.close()


@asynccontextmanager
async def wire_to(neighbour: Scripted) -> AsyncIterator[HttpWire]:
    wire = HttpWire(neighbour.url)
    try:
        yield wire
    finally:
        await wire.close()


@asynccontextmanager
async def client_of(neighbour: Scripted) -> AsyncIterator[ServiceClient]:
    keys = Keys()
    tokens = ServiceTokens(keys.main, "main-api", clock=keys.clock)
    client = ServiceClient(neighbour.url, HERE, tokens)
    try:
        yield client
    finally:
        await client.close()


def get(target: str = "/a", *, seconds: float = 5.0) -> Outgoing:
    return Outgoing("GET", target, {}, None, seconds)


def answering(answer: bytes) -> Script:
    """Every request of every connection is answered alike."""

    async def script(line: Line) -> None:
        while True:
            await line.asked()
            await line.say(answer)

    return script
