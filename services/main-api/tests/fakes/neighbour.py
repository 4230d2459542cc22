"""A service behind the door, over a real socket: answers from a script, remembers what it was asked."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
Answer = Callable[[Request], Awaitable[Response]]


@dataclass
class Neighbour:
    """`url` is where it listens. `answer` may be replaced by a test; `asked` holds what came."""

    url: str = ""
    asked: list[tuple[Request, bytes]] = field(default_factory=list)
    answer: Answer | None = None
    usual: object = field(default_factory=dict)
    """The JSON answer when a test asks for no other."""

    async def __call__(self, request: Request) -> Response:
        self.asked.append((request, await request.body()))
        return await self.answer(request) if self.answer else JSONResponse(self.usual)

    def paths(self) -> list[str]:
        """Method and path of every request, in order."""
        return [f"{request.method} {request.url.path}" for request, _ in self.asked]

    def forget(self) -> None:
        """Begin anew, for the next test."""
        self.asked, self.answer = [], None


@asynccontextmanager
async def neighbour() -> AsyncIterator[Neighbour]:
    """A running neighbour on a free port of this machine."""
    made = Neighbour()
    app = Starlette(routes=[Route("/{path:path}", made.__call__, methods=METHODS)])
    async with served(app) as made.url:
        yield made


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """An app over a real socket; its parts were put together before."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, ws="none", lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    # `_serve` leaves the signal handlers of the test process alone.
    task = asyncio.create_task(server._serve([listener]))
    try:
        while not server.started:
            await asyncio.sleep(0.005)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()
