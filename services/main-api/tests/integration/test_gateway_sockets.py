"""WebSockets through the door: to a signed-in user's own service, from our own pages only."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
import uvicorn
from door import APP_URL, INTEGRATIONS, NOBODY, Browser, Door, opened, settings_of
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from main_api.sessions.watch import LOOK_SECONDS, SessionWatch
from main_api.user_data.declared import PERSON
from opside_chassis.database import Database, transaction
from opside_chassis.service_token import ServiceTokenVerifier
from opside_chassis.testing.plugin import FrozenClock, Signing
from opside_chassis.user_data import erase_rows

PATH = "/api/sync/progress/syn_1"


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncIterator[str]:
    """An app at a free port; its parts were put together before."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, ws="websockets-sansio", lifespan="off", log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([listener]))
    try:
        while not server.started:
            await asyncio.sleep(0.005)
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        listener.close()


@dataclass
class Teller:
    """integrations-backend as the door sees it: tells what a test says, refuses what a test says."""

    asked: list[WebSocket] = field(default_factory=list)
    messages: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)
    refuse: int = 0
    heard: list[str] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def socket(self, websocket: WebSocket) -> None:
        self.asked.append(websocket)
        if self.refuse:
            body = {"status": self.refuse, "code": "no_such_sync", "detail": "there is none"}
            await websocket.send_denial_response(JSONResponse(body, self.refuse))
            return
        await websocket.accept()
        reading = asyncio.create_task(self._read(websocket))
        while (message := await self.messages.get()) is not None:
            await websocket.send_text(message)
        if not self.left.is_set():
            await websocket.close(1000)
        await reading

    async def _read(self, websocket: WebSocket) -> None:
        try:
            while True:
                self.heard.append(await websocket.receive_text())
        except WebSocketDisconnect:
            self.left.set()
            self.messages.put_nowait(None)

    @property
    def app(self) -> Starlette:
        async def usual(_request: Request) -> JSONResponse:
            return JSONResponse({"alreadyConnected": True, "consentUrl": None})

        methods = ["GET", "POST"]
        return Starlette(
            routes=[
                WebSocketRoute("/api/{rest:path}", self.socket),
                Route("/{path:path}", usual, methods=methods),
            ]
        )


@dataclass
class Street:
    """The door at its address, and the service behind it."""

    door: Door
    address: str
    teller: Teller
    ada: Browser

    def cookies(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.ada.http.cookies.items())

    @asynccontextmanager
    async def window(self, path: str = PATH, **headers: str) -> AsyncIterator[ClientConnection]:
        """A WebSocket of Ada's browser, from our page unless a header says otherwise."""
        usual = {"Cookie": self.cookies(), "Origin": APP_URL}
        given = {name: value for name, value in (usual | headers).items() if value}
        async with connect(
            f"ws://{self.address}{path}", additional_headers=given, compression=None
        ) as made:
            yield made

    async def refused(self, path: str = PATH, **headers: str) -> tuple[int, str]:
        """Status and code of a handshake that fails."""
        with pytest.raises(InvalidStatus) as refused:
            async with self.window(path, **headers):
                pass
        answer = refused.value.response
        return answer.status_code, json.loads(answer.body or b"{}").get("code", "")


@pytest_asyncio.fixture(loop_scope="session")
async def street(committed_database: Database, signing: Signing) -> AsyncIterator[Street]:
    teller = Teller()
    async with listening(teller.app) as behind:
        settings = settings_of(signing, integrations_url=f"http://{behind}")
        async with (
            opened(Door(settings, committed_database, signing)) as door,
            listening(door.app) as address,
        ):
            ada = Browser(door, door.client())
            await ada.sign_in()
            yield Street(door, address, teller, ada)


@pytest.mark.parametrize("path", [PATH, "/api/v1/sync/progress/syn_1"])
async def test_the_users_window_reaches_the_service_as_his(street: Street, path: str) -> None:
    async with street.window(path) as opened_window:
        street.teller.messages.put_nowait("one")
        street.teller.messages.put_nowait("two")
        assert [await opened_window.recv(), await opened_window.recv()] == ["one", "two"]
        [asked] = street.teller.asked
        assert asked.url.path == path
        token = asked.headers["authorization"].removeprefix("Bearer ")
        identity = ServiceTokenVerifier(street.door.signing.ring, INTEGRATIONS).verify(token)
        assert identity.act_for == (await street.ada.me()).json()["userId"]
        assert (identity.service, identity.act_role) == ("main-api", "user")
        assert not {"cookie", "origin"} & set(asked.headers)
        street.teller.messages.put_nowait(None)
        with pytest.raises(ConnectionClosed) as closed:
            await opened_window.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1000


async def test_what_the_client_says_stays_at_the_door_and_his_leaving_is_passed_on(
    street: Street,
) -> None:
    async with street.window() as window:
        for _ in range(50):
            await window.send("hello")
        street.teller.messages.put_nowait("still there")
        assert await window.recv() == "still there"
    async with asyncio.timeout(30):
        await street.teller.left.wait()
    assert street.teller.heard == []


async def test_only_our_own_pages_may_open_one(street: Street) -> None:
    assert await street.refused(Origin="https://evil.example") == (403, "forbidden")
    assert await street.refused(Origin="null") == (403, "forbidden")
    assert await street.refused(Origin="") == (403, "forbidden"), "a cookie without a page"
    assert street.teller.asked == []


async def test_nobody_comes_in_without_a_session(street: Street) -> None:
    assert (await street.refused(Cookie=""))[0] == 401
    assert (await street.refused(Cookie="__Host-opside_session=forged"))[0] == 401
    cookies = street.cookies()
    await street.ada.send("POST", "/api/auth/logout")
    assert (await street.refused(Cookie=cookies))[0] == 401
    assert street.teller.asked == []


async def test_a_client_with_a_token_needs_no_page(street: Street) -> None:
    [session] = (await street.ada.http.get("/api/auth/sessions")).json()
    user_id = (await street.ada.me()).json()["userId"]
    token = street.door.user_token(user_id, session_id=session["sessionId"])
    given = {"Authorization": f"Bearer {token}", "Cookie": ""}
    async with street.window(**given, Origin="") as window:
        street.teller.messages.put_nowait("one")
        assert await window.recv() == "one"
    assert await street.refused(**given, Origin="https://evil.example") == (403, "forbidden")


@pytest.mark.parametrize(
    ("said", "given"),
    [(404, (404, "no_such_sync")), (429, (429, "no_such_sync")), (401, (503, "unavailable"))],
)
async def test_a_refusal_comes_back_as_it_was_said(
    street: Street, said: int, given: tuple[int, str]
) -> None:
    street.teller.refuse = said
    assert await street.refused() == given


async def test_an_id_is_one_segment_and_nothing_more(street: Street) -> None:
    street.teller.refuse = 404
    await street.refused("/api/sync/progress/a%3Fb%23c")
    [asked] = street.teller.asked
    assert asked.scope["raw_path"] == b"/api/sync/progress/a%3Fb%23c"
    assert (await street.refused("/api/sync/progress/x/../../cases"))[0] in {403, 404}
    assert len(street.teller.asked) == 1


async def test_without_the_service_the_window_is_unavailable(
    committed_database: Database, signing: Signing
) -> None:
    settings = settings_of(signing, integrations_url=NOBODY)
    async with (
        opened(Door(settings, committed_database, signing)) as door,
        listening(door.app) as address,
    ):
        ada = Browser(door, door.client())
        await ada.sign_in()
        street = Street(door, address, Teller(), ada)
        assert await street.refused() == (503, "unavailable")


async def closed_as(window: ClientConnection) -> int:
    """The code with which the door closes; no other message comes before."""
    with pytest.raises(ConnectionClosed) as closed:
        async with asyncio.timeout(5):
            await window.recv()
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


async def logout_here(street: Street) -> None:
    await street.ada.send("POST", "/api/auth/logout")


async def logout_everywhere(street: Street) -> None:
    other = Browser(street.door, street.door.client())
    await other.sign_in()
    assert (await other.send("POST", "/api/auth/logout?everywhere=true")).status_code == 204


async def revoked(street: Street) -> None:
    other = Browser(street.door, street.door.client())
    await other.sign_in()
    listed = (await other.http.get("/api/auth/sessions")).json()
    [session_id] = [one["sessionId"] for one in listed if not one["current"]]
    assert (await other.send("DELETE", f"/api/auth/sessions/{session_id}")).status_code == 204


async def stolen_refresh_token(street: Street) -> None:
    thief = street.door.client(cookies=dict(street.ada.http.cookies))
    assert (await street.ada.refresh()).status_code == 204
    street.door.clock.advance(seconds=11)
    assert (await Browser(street.door, thief).refresh()).status_code == 401


async def expired(street: Street) -> None:
    street.door.clock.advance(seconds=31 * 24 * 3600)


async def erased(street: Street) -> None:
    user_id = (await street.ada.me()).json()["userId"]
    async with transaction(street.door.database.sessions, tenant=user_id) as session:
        await erase_rows(session, PERSON, user_id)


@pytest.mark.parametrize(
    "end",
    [logout_here, logout_everywhere, revoked, stolen_refresh_token, expired, erased],
)
async def test_a_window_ends_with_its_session(
    street: Street, end: Callable[[Street], Awaitable[None]]
) -> None:
    async with street.window() as window:
        street.teller.messages.put_nowait("while signed in")
        assert await window.recv() == "while signed in"
        await end(street)
        assert await closed_as(window) == 4401
        async with asyncio.timeout(5):
            await street.teller.left.wait()
    assert (await street.refused())[0] == 401


async def test_another_sessions_end_closes_no_window(street: Street) -> None:
    other = Browser(street.door, street.door.client())
    await other.sign_in()
    async with street.window() as window:
        await other.send("POST", "/api/auth/logout")
        await asyncio.sleep(2 * LOOK_SECONDS)
        street.teller.messages.put_nowait("still here")
        assert await window.recv() == "still here"


async def test_a_window_is_closed_when_nobody_can_say_whose_it_is(
    street: Street, clock: FrozenClock
) -> None:
    away = Database.connect("postgresql://nobody:x@127.0.0.1:9/none", application_name="away")
    watch = SessionWatch(away.sessions, clock, unknown_seconds=0.5)
    async with watch.looking():
        street.door.app.state.session_watch = watch
        async with street.window() as window:
            assert await closed_as(window) == 1013
    await away.close()
