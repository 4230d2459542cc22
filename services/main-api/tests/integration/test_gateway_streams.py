"""What comes bit by bit passes the door bit by bit, in both directions; nobody waits for its end."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest_asyncio
from door import APP_URL, Browser, Door, opened, settings_of
from fakes.neighbour import served
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from opside_chassis.database import Database
from opside_chassis.testing.plugin import Signing

PATIENCE_SECONDS = 10.0
"""A door that gathers what it passes on would wait for ever."""


@dataclass
class Slow:
    """A service that says one event and goes on when told to, and hears a body part by part."""

    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    heard_first: asyncio.Event = field(default_factory=asyncio.Event)
    client_left: asyncio.Event = field(default_factory=asyncio.Event)
    heard: bytes = b""

    async def tell(self, _request: Request) -> Response:
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[bytes]:
        try:
            yield b"data: 1\n\n"
            await self.go_on.wait()
            yield b"data: 2\n\n"
        finally:
            self.client_left.set()

    async def hear(self, request: Request) -> Response:
        async for part in request.stream():
            self.heard += part
            self.heard_first.set()
        return JSONResponse({"bytes": len(self.heard)}, 202)

    @property
    def app(self) -> Starlette:
        async def usual(_request: Request) -> Response:
            return JSONResponse({"alreadyConnected": True, "consentUrl": None})

        return Starlette(
            routes=[
                Route("/api/sync/history", self.tell),
                Route("/api/reports/upload", self.hear, methods=["POST"]),
                Route("/{path:path}", usual, methods=["GET", "POST"]),
            ]
        )


@dataclass
class Line:
    """Ada's browser, over a real socket, and the slow service behind the door."""

    http: httpx.AsyncClient
    csrf: str
    service: Slow


@pytest_asyncio.fixture(loop_scope="session")
async def line(committed_database: Database, signing: Signing) -> AsyncIterator[Line]:
    service = Slow()
    async with served(service.app) as behind:
        settings = settings_of(signing, integrations_url=behind)
        async with (
            opened(Door(settings, committed_database, signing)) as door,
            served(door.app) as address,
        ):
            ada = Browser(door, door.client())
            await ada.sign_in()
            cookies = "; ".join(f"{name}={value}" for name, value in ada.http.cookies.items())
            async with httpx.AsyncClient(
                base_url=address, headers={"Cookie": cookies}, trust_env=False
            ) as http:
                yield Line(http, await ada.csrf(), service)


async def test_an_event_arrives_before_the_next_one_happens(line: Line) -> None:
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        line.http.stream("GET", "/api/sync/history") as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        parts = answer.aiter_raw()
        assert await anext(parts) == b"data: 1\n\n"
        assert not line.service.go_on.is_set()
        line.service.go_on.set()
        assert b"".join([part async for part in parts]) == b"data: 2\n\n"


async def test_a_service_is_told_that_its_listener_left(line: Line) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        async with line.http.stream("GET", "/api/sync/history") as answer:
            assert await anext(answer.aiter_raw()) == b"data: 1\n\n"
        await line.service.client_left.wait()
    assert not line.service.go_on.is_set()


async def test_a_service_hears_the_first_part_before_the_last_is_sent(line: Line) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"first,"
        await line.service.heard_first.wait()
        assert line.service.heard == b"first,"
        yield b"last"

    headers = {"Origin": APP_URL, "X-CSRF-Token": line.csrf}
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = await line.http.post("/api/reports/upload", content=parts(), headers=headers)
    assert (answer.status_code, answer.json()) == (202, {"bytes": 10})
    assert line.service.heard == b"first,last"
