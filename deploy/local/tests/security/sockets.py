"""Attacks on connections that stay: a WebSocket after the sign-out, handshakes and heads without end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import uvicorn
from security.house import House
from security.limits import TRIES, behind, unlimited
from security.pages import socket_status
from security.row import Attack, Built, Mutant
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from opside_chassis.bounded_http import BoundedHttp
from opside_local.ports import HOST

TELLS_EVERY_SECONDS = 0.05
PROMPTLY_SECONDS = 5.0
"""Within it a socket must end after the sign-out; its access token lives for ten minutes."""
PATH = "/api/sync/progress/syn_1"


async def tell(socket: ServerConnection) -> None:
    """A sync that never ends."""
    while True:
        await socket.send("news")
        await asyncio.sleep(TELLS_EVERY_SECONDS)


@dataclass(frozen=True)
class BeforeTeller:
    """A door with somebody behind it who tells for ever."""

    door: Built | Mutant

    @asynccontextmanager
    async def opened(self, house: House) -> AsyncIterator[House]:
        """The house with this door."""
        async with serve(tell, HOST, 0) as teller:
            url = f"http://{HOST}:{next(iter(teller.sockets)).getsockname()[1]}"
            door = replace(self.door, settings=lambda _: {"INTEGRATIONS_URL": url})
            async with door.opened(house) as standing:
                yield standing


async def heard_on(socket: ClientConnection) -> int | str:
    """The code with which the door closes; or that it goes on telling."""
    try:
        async with asyncio.timeout(PROMPTLY_SECONDS):
            while True:
                await socket.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 0
    except TimeoutError:
        return "told on"


async def listening_after(house: House, path: str, method: str = "POST") -> int | str:
    """Ada signs out; a thief with her cookie has opened a socket before."""
    ada = await house.signed_in()
    headers = ada.cookie() | {"Origin": ada.origin}
    url = f"{house.main_api}{PATH}".replace("http", "ws", 1)
    async with connect(url, additional_headers=headers, proxy=None) as socket:
        assert await socket.recv() == "news"
        # At another process than the one that holds the socket.
        address = house.system.urls.main_api + path.format(session=ada.session_id)
        answer = await house.ask(method, address, headers=ada.proof())
        assert answer.status_code == 204, answer.text
        return await heard_on(socket)


async def after_sign_out(house: House) -> int | str:
    return await listening_after(house, "/api/auth/logout")


async def after_sign_out_everywhere(house: House) -> int | str:
    return await listening_after(house, "/api/auth/logout?everywhere=true")


async def after_revocation(house: House) -> int | str:
    return await listening_after(house, "/api/auth/sessions/{session}", "DELETE")


async def guessing_handshakes(house: House) -> bool:
    """Whether as many handshakes with made-up cookies as one likes are answered."""
    statuses = [
        await socket_status(
            f"{house.main_api}{PATH}",
            {"Cookie": f"__Host-opside_session=a.b.{number}", "Origin": house.system.urls.main_api},
        )
        for number in range(TRIES)
    ]
    return 429 not in statuses


MUCH = 8 * 1024 * 1024
"""More than both sides' buffers hold: it was read, and kept."""
HEAD = b"GET /api/me HTTP/1.1\r\nHost: here.test\r\n"


async def endless_headers(house: House) -> bool:
    """Whether a head that never ends is taken for as long as it comes."""
    host, _, port = house.main_api.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    line = b"X: " + b"y" * 60_000 + b"\r\n"
    try:
        writer.write(HEAD)
        for _ in range(MUCH // len(line)):
            writer.write(line)
            async with asyncio.timeout(PROMPTLY_SECONDS):
                await writer.drain()
    except (ConnectionError, TimeoutError):
        return False
    finally:
        writer.transport.abort()
    return True


class Impatient(BoundedHttp):
    """Our own, for a table that has no ten seconds."""

    max_head_seconds = 0.5


async def slow_headers(house: House) -> bool:
    """Whether a head of a byte now and then keeps its connection."""
    host, _, port = house.main_api.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for letter in HEAD + b"X: " + b"y" * 40:
            writer.write(bytes([letter]))
            await writer.drain()
            await asyncio.sleep(0.025)
        return not reader.at_eof()
    except ConnectionError:
        return False
    finally:
        writer.transport.abort()


def served_by(protocol: type[asyncio.Protocol]) -> Built:
    """The door on another HTTP protocol."""

    def change(config: uvicorn.Config) -> None:
        config.http = protocol

    return Built(server=change)


DEAF = BeforeTeller(
    Mutant("main_api/sessions/watch.py", "_end(ended, Ending.SESSION_ENDED)", "pass")
)

ATTACKS = (
    *(
        Attack(f"socket: listening on after {name}", attempt, 4401, DEAF, "told on", here)
        for name, attempt, here in (
            ("the sign-out", after_sign_out, BeforeTeller(Built())),
            ("signing out everywhere", after_sign_out_everywhere, BeforeTeller(Built())),
            ("the session was revoked", after_revocation, BeforeTeller(Built())),
        )
    ),
    Attack(
        "limit: handshakes of sockets without sign-in",
        guessing_handshakes,
        False,
        Built(settings=behind(0).settings, app=unlimited),
        True,
        guarded=behind(0),
    ),
    Attack("wire: headers without end", endless_headers, False, served_by(HttpToolsProtocol), True),
    Attack(
        "wire: a head of a byte now and then",
        slow_headers,
        False,
        served_by(HttpToolsProtocol),
        True,
        guarded=served_by(Impatient),
    ),
)
