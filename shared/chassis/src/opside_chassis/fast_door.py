"""A door before all other layers, for requests that are almost always good and come in bursts.

Routing, tracing and the guards cost several times what storing a provider's event costs. Here a request
has one outcome only: taken, 200. Every other one is handed on with its body, as if it had just come, to
the route that says what is wrong with it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opside_chassis.errors import OpsideError
from opside_chassis.middleware import security_headers
from opside_chassis.request_guard import BODY_SILENCE_SECONDS, MAX_BODY_BYTES

Take = Callable[[Any, Mapping[str, str], bytes], Awaitable[None]]
"""Given `app.state.runtime`, headers and body; raises when it cannot take the request."""

logger = logging.getLogger(__name__)


class FastDoor:
    """Added last, so that it is the outermost layer. No span, no access line: what was stored says more."""

    def __init__(
        self, app: ASGIApp, *, paths: Collection[str], take: Take, answer: str, production: bool
    ) -> None:
        self._app = app
        self._paths = paths
        self._take = take
        self._body = answer.encode()
        headers = {
            "content-type": "application/json",
            "content-length": str(len(self._body)),
            **security_headers(production=production),
        }
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] not in self._paths:
            await self._app(scope, receive, send)
            return
        read: list[Message] = []
        if scope["method"] == "POST" and await self._is_taken(scope, receive, read):
            start = {"type": "http.response.start", "status": 200, "headers": list(self._headers)}
            await send(start)
            await send({"type": "http.response.body", "body": self._body})
        else:
            await self._app(scope, _Again(read, receive), send)

    async def _is_taken(self, scope: Scope, receive: Receive, read: list[Message]) -> bool:
        if not await _is_whole(receive, read):
            return False
        body = b"".join(message.get("body", b"") for message in read)
        try:
            await self._take(scope["app"].state.runtime, Headers(scope=scope), body)
        except OpsideError:
            return False
        except Exception as error:
            logger.warning("a request was not taken at the fast door", exc_info=error)
            return False
        return True


async def _is_whole(receive: Receive, read: list[Message]) -> bool:
    """Read the body; False when it is too large, stops coming, or its sender goes away."""
    left = MAX_BODY_BYTES
    try:
        while left >= 0:
            async with asyncio.timeout(BODY_SILENCE_SECONDS):
                message = await receive()
            read.append(message)
            if message["type"] != "http.request":
                return False
            left -= len(message.get("body", b""))
            if not message.get("more_body", False):
                return left >= 0
    except TimeoutError:
        pass
    return False


class _Again:
    """The messages that were read, then the rest as it comes."""

    def __init__(self, read: list[Message], receive: Receive) -> None:
        self._read = read
        self._receive = receive

    async def __call__(self) -> Message:
        return self._read.pop(0) if self._read else await self._receive()
