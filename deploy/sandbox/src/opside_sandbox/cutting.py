"""Cutting a connection without an answer: what a planned `reset` or `timeout` fault does."""

from collections.abc import Callable
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

ABORT = "opside.abort"
"""Name in the ASGI scope of the call that resets the connection."""


class Cuttable:
    """Wraps an application: lets it reach its connection under uvicorn."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # uvicorn's `send` is a method of the request's cycle, which holds the transport.
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        if scope["type"] == "http" and transport is not None:
            scope[ABORT] = transport.abort
        await self._app(scope, receive, send)


class CutResponse(Response):
    """Resets the connection instead of answering; without a connection at hand, answers 500."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        abort: Callable[[], Any] | None = scope.get(ABORT)
        if abort is None:
            self.status_code = 500
            await super().__call__(scope, receive, send)
            return
        abort()
        while (await receive())["type"] != "http.disconnect":
            pass
