"""Answers whose body goes wrong on the way: slow, torn off, or not what it says."""

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

_PIECES = 8


class _Remade(Response):
    """The same answer, sent another way."""

    def __init__(self, answer: Response) -> None:
        super().__init__()
        self.status_code, self.body = answer.status_code, bytes(answer.body)
        self.raw_headers = answer.raw_headers

    async def _start(self, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )


class SlowBody(_Remade):
    """The whole body, in pieces over so many seconds."""

    def __init__(self, answer: Response, seconds: float) -> None:
        super().__init__(answer)
        self._pause = seconds / _PIECES

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await self._start(send)
        size = max(1, -(-len(self.body) // _PIECES))
        for start in range(0, len(self.body), size):
            await asyncio.sleep(self._pause)
            piece = bytes(self.body[start : start + size])
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


class TornBody(_Remade):
    """Half of the announced bytes, then the connection is gone."""

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        await self._start(send)
        half = bytes(self.body[: len(self.body) // 2])
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await asyncio.sleep(0.05)
        abort: Callable[[], Any] | None = scope.get("opside.abort")
        if abort is not None:
            abort()


def wrong_type() -> Response:
    """200 with a page where JSON should be, as a proxy or a captive portal answers."""
    return HTMLResponse("<!doctype html><title>Sign in to the network</title>")
