"""Calls between services over a real socket: retries, errors, identity, bounds, forwarding."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from web_parts import HERE, Keys, served

from opside_chassis.http_client import (
    ServiceClient,
)
from opside_chassis.service_token import ServiceTokens

MEBIBYTE = 1024 * 1024


class Callee:
    """Answers from a script and remembers what it was asked."""

    def __init__(self) -> None:
        self.script: list[Response] = []
        self.asked: list[tuple[Request, bytes]] = []

    async def answer(self, request: Request) -> Response:
        self.asked.append((request, await request.body()))
        return self.script.pop(0) if self.script else JSONResponse({"ok": True})

    async def endless(self, _request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            for _ in range(64):
                yield b"x" * MEBIBYTE

        return StreamingResponse(parts())

    async def slow(self, request: Request) -> Response:
        self.asked.append((request, b""))
        await asyncio.sleep(1)
        return JSONResponse({})

    def app(self) -> Starlette:
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        return Starlette(
            routes=[
                Route("/endless", self.endless),
                Route("/slow", self.slow, methods=methods),
                Route("/{path:path}", self.answer, methods=methods),
            ]
        )

    def tokens(self) -> list[str]:
        return [asked.headers["authorization"].removeprefix("Bearer ") for asked, _ in self.asked]


def problem(status: int, *, retry_after: str | None = None, **members: Any) -> Response:
    headers = {"Retry-After": retry_after} if retry_after else {}
    body = {"type": "urn:x", "title": "T", "status": status, **members}
    return JSONResponse(
        body, status_code=status, headers=headers, media_type="application/problem+json"
    )


class Pauses:
    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture(scope="module")
async def running():
    """One server for the whole file: starting it takes longer than any test."""
    callee = Callee()
    async with served(callee.app()) as url:
        yield callee, url


@pytest.fixture
def callee(running) -> Callee:
    callee, _ = running
    callee.script, callee.asked = [], []
    return callee


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
async def client(running, callee, keys, pauses):
    _, url = running
    tokens = ServiceTokens(keys.main, "main-api", clock=keys.clock)
    client = ServiceClient(url, HERE, tokens, timeout_seconds=0.5, sleep=pauses)
    yield client
    await client.close()
