"""The service's app at a real address, and WebSockets to it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI
from service import Service
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """Its address, for the length of a block; its parts are those that it has been given."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, ws="websockets-sansio", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def window(
    address: str, path: str, token: str | None = None, **headers: str
) -> AsyncIterator[ClientConnection]:
    """A WebSocket of somebody with this token."""
    given = headers | ({"Authorization": f"Bearer {token}"} if token else {})
    async with connect(f"{address}{path}", additional_headers=given, compression=None) as opened:
        yield opened


async def refused(
    address: str, path: str, token: str | None = None, **headers: str
) -> tuple[int, dict[str, Any]]:
    """Status and body of a handshake that fails."""
    try:
        async with window(address, path, token, **headers):
            return 101, {}
    except InvalidStatus as error:
        return error.response.status_code, json.loads(error.response.body or b"{}")


async def told(opened: ClientConnection, *, within: float = 10.0) -> dict[str, Any]:
    """The payload of the next message."""
    async with asyncio.timeout(within):
        message = json.loads(await opened.recv())
    assert message["event"] == "sync_progress_update"
    return dict(message["data"])


def progress_of(sync_id: str, prefix: str = "/api") -> str:
    """The path of a sync's progress."""
    return f"{prefix}/sync/progress/{sync_id}"


async def start(service: Service, user_id: str) -> str:
    """Start a sync; answers its id."""
    async with service.as_user(user_id) as browser:
        answer = await browser.post("/api/sync/start")
    assert answer.status_code == 202, answer.text
    return str(answer.json()["syncId"])
