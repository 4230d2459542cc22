"""A mail server in memory, and one that speaks SMTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from main_api.mail_api.gateway import Letter


@dataclass
class FakeMailer:
    """Keeps what was sent; `failures` are raised first, one a letter."""

    sent: list[Letter] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    async def send(self, letter: Letter) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(letter)


@dataclass
class SmtpServer:
    """Just enough of RFC 5321 to take a letter, or refuse its recipient."""

    port: int = 0
    refuse: str = ""
    """Reply to RCPT TO instead of 250, such as "550 unknown"."""
    messages: list[bytes] = field(default_factory=list)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 test\r\n")
        while line := await reader.readline():
            word = line.split()[0].upper() if line.split() else b""
            if word == b"DATA":
                writer.write(b"354 go on\r\n")
                self.messages.append(await reader.readuntil(b"\r\n.\r\n"))
                writer.write(b"250 taken\r\n")
            elif word == b"RCPT" and self.refuse:
                writer.write(f"{self.refuse}\r\n".encode())
            elif word == b"QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 ok\r\n")
            await writer.drain()
        writer.close()


@asynccontextmanager
async def smtp_server() -> AsyncIterator[SmtpServer]:
    """Listens on the loopback address."""
    server = SmtpServer()
    listening = await asyncio.start_server(server._talk, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server
