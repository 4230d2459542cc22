"""An answer as it goes out: headers, JSON, and the ways in which a fault spoils it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

from opside_sandbox.stripe.api_faults import Fault
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.idempotency import Key
from opside_sandbox.stripe.version import API_VERSION

_PIECES = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """`replay_of`: the request whose saved answer this is. `spoiled`: what the wire does to it."""

    status: int
    body: Document
    replay_of: str | None = None
    spoiled: Fault | None = None


def response(request: Request, answer: Answer, request_id: str, key: Key | None) -> Response:
    """The answer on the wire."""
    headers: dict[str, str] = {"Request-Id": request_id, "Stripe-Version": API_VERSION}
    headers.update(_echoed(request.headers))
    if key is not None:
        headers["Original-Request"] = answer.replay_of or request_id
        if answer.replay_of is not None:
            headers["Idempotent-Replayed"] = "true"
    if answer.status == 409:
        headers["Stripe-Should-Retry"] = "true"
    whole = JSONResponse(answer.body, answer.status, headers)
    if answer.spoiled is None:
        return whole
    if answer.spoiled.kind == "wrong_type":
        page = "<html><body><h1>We'll be right back.</h1></body></html>"
        return HTMLResponse(page, answer.status, headers)
    pieces = _slowly(bytes(whole.body), answer.spoiled.seconds)
    return StreamingResponse(pieces, answer.status, headers, media_type="application/json")


async def _slowly(body: bytes, seconds: float) -> AsyncIterator[bytes]:
    size = len(body) // _PIECES + 1
    for start in range(0, len(body), size):
        await asyncio.sleep(seconds / _PIECES)
        yield body[start : start + size]


def _echoed(headers: Mapping[str, str]) -> dict[str, str]:
    names = ("Idempotency-Key", "Stripe-Account")
    return {name: value for name in names if (value := headers.get(name))}
