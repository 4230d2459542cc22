"""A small HTTP/1.1 load: keep-alive connections, nothing but bytes in and out.

An HTTP library would cost more than what is measured.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence

CONNECTIONS = 8
"""A server process."""
_LENGTH = b"content-length:"
_GOOD = (b"HTTP/1.1 200 ", b"HTTP/1.1 202 ")


async def get_many(port: int, path: str, count: int) -> int:
    """Send `count` GET requests over a few connections; raises ValueError for an answer not 2xx."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    await send_all([port], [request] * count)
    return count


async def send_all(ports: Sequence[int], requests: Sequence[bytes]) -> float:
    """Send every request as fast as the servers answer; the seconds it took.

    Each connection sends its next request when the last is answered. Raises ValueError for an answer
    that is not 200 or 202.
    """
    connections = [await Connection.open(port) for port in ports for _ in range(CONNECTIONS)]
    waiting = iter(requests)
    started = time.perf_counter()
    await asyncio.gather(*(_send_one_by_one(connection, waiting) for connection in connections))
    took_seconds = time.perf_counter() - started
    for connection in connections:
        await connection.close()
    return took_seconds


async def send_paced(
    ports: Sequence[int], requests: Sequence[bytes], *, per_second: float
) -> list[float]:
    """Send the requests at a fixed rate; the seconds each answer took, from the moment it was due.

    A request that finds its server still busy is late, and its wait counts.
    """
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        for port in ports:
            free.put_nowait(await Connection.open(port))
    begin = time.perf_counter()

    async def send(number: int, request: bytes) -> float:
        due = begin + number / per_second
        await asyncio.sleep(due - time.perf_counter())
        connection = await free.get()
        await connection.ask(request)
        free.put_nowait(connection)
        return time.perf_counter() - due

    took = await asyncio.gather(*(send(number, one) for number, one in enumerate(requests)))
    while not free.empty():
        await free.get_nowait().close()
    return took


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """The bytes of a JSON POST request."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += ["Content-Type: application/json", *(f"{n}: {v}" for n, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _send_one_by_one(connection: "Connection", waiting: Iterator[bytes]) -> None:
    for request in waiting:
        await connection.ask(request)


class Connection:
    """One kept-alive connection; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """Connect to a server of this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> bytes:
        """Send it; the body of the answer. Raises ValueError for an answer not 200 or 202."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status, *lines = head.split(b"\r\n")
        length = next(line for line in lines if line.lower().startswith(_LENGTH))
        body = await self._reader.readexactly(int(length[len(_LENGTH) :]))
        if not status.startswith(_GOOD):
            raise ValueError(f"the server answered {status.decode()}: {body[:500].decode()}")
        return body

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await self._writer.wait_closed()
