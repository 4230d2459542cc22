"""A small HTTP/1.1 load: keep-alive connections that each send the next request at once.

An HTTP library would cost more than what is measured.
"""

import asyncio

CONNECTIONS = 8
_LENGTH = b"content-length:"


async def get_many(port: int, path: str, count: int) -> int:
    """Send `count` GET requests over a few connections; raises ValueError for an answer not 200."""
    share = count // CONNECTIONS
    await asyncio.gather(*(_one_connection(port, path, share) for _ in range(CONNECTIONS)))
    return share * CONNECTIONS


async def _one_connection(port: int, path: str, count: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    for _ in range(count):
        writer.write(request)
        await _read_answer(reader)
    writer.close()
    await writer.wait_closed()


async def _read_answer(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status, *lines = head.split(b"\r\n")
    if b" 200 " not in status:
        raise ValueError(f"the server answered {status.decode()}")
    length = next(line for line in lines if line.startswith(_LENGTH))
    await reader.readexactly(int(length.removeprefix(_LENGTH)))
