"""How a call goes wrong on the wire when a fault is planned for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from opside_sandbox.amazon import faults
from opside_sandbox.cutting import ABORT, CutResponse
from opside_sandbox.state import SandboxState

Act = Callable[[], Awaitable[Response]]
Refuse = Callable[[int], Response]
"""The provider's own answer of a status: 429, 500, and 403 for an expired link."""

_POLL_SECONDS = 0.05
_PIECES = 8
_GZIP = b"\x1f\x8b"
_GATEWAY_PAGE = (
    "<html><head><title>503 Service Temporarily Unavailable</title></head>"
    "<body><center><h1>503 Service Temporarily Unavailable</h1></center></body></html>"
)


async def answered(
    state: SandboxState, request: Request, operation: str, act: Act, refuse: Refuse
) -> Response:
    """What the caller of `operation` gets: the answer of `act`, or what a fault makes of it."""
    fault = faults.meet(state, operation)
    if fault is None:
        return await act()
    # Whoever waits for a disconnect swallows the body unless it was read before.
    await request.body()
    if (refusal := await _before(state, request, fault, refuse)) is not None:
        return refusal
    return await _after(request, fault, await act(), refuse)


async def _before(
    state: SandboxState, request: Request, fault: faults.Met, refuse: Refuse
) -> Response | None:
    match fault.kind:
        case "timeout_before":
            await _hang(request, fault.seconds)
            return CutResponse()
        case "reset":
            return CutResponse()
        case "429":
            return refuse(429)
        case "500_before":
            return refuse(500)
        case "expired_link":
            return refuse(403)
        case "503_html":
            return Response(_GATEWAY_PAGE, 503, media_type="text/html")
        case "clock_jump":
            state.clock.advance(fault.seconds)
    return None


async def _after(request: Request, fault: faults.Met, answer: Response, refuse: Refuse) -> Response:
    match fault.kind:
        case "timeout_after":
            await _hang(request, fault.seconds)
            return CutResponse()
        case "500_after":
            return refuse(500)
        case "slow":
            return _streamed(answer, _slowly(_chunks(answer), fault.seconds))
        case "truncated_gzip":
            abort = request.scope.get(ABORT, _nothing)
            return _streamed(answer, _without_the_end(_chunks(answer), abort))
        case "wrong_content_type":
            answer.headers["content-type"] = "application/octet-stream"
    return answer


async def _hang(request: Request, seconds: float) -> None:
    """Stay silent until the time is over or the caller has gone."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end and not await request.is_disconnected():  # noqa: ASYNC110 (polled)
        await asyncio.sleep(_POLL_SECONDS)


def _streamed(answer: Response, chunks: AsyncIterator[bytes]) -> Response:
    """The same answer with another body, of no announced length."""
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return StreamingResponse(chunks, answer.status_code, headers)


async def _chunks(answer: Response) -> AsyncIterator[bytes]:
    if not isinstance(answer, StreamingResponse):
        yield bytes(answer.body)
        return
    async for chunk in answer.body_iterator:
        yield chunk.encode() if isinstance(chunk, str) else bytes(chunk)


async def _slowly(chunks: AsyncIterator[bytes], seconds: float) -> AsyncIterator[bytes]:
    """The first chunk drips over the whole time, the rest follows at once."""
    dripped = False
    async for chunk in chunks:
        if dripped:
            yield chunk
            continue
        places = range(0, len(chunk), -(-len(chunk) // _PIECES) or 1)
        for place in places:
            yield chunk[place : place + places.step]
            await asyncio.sleep(seconds / len(places))
        dripped = True


def _nothing() -> None:
    """Stands in for `abort` where no connection is at hand."""


async def _without_the_end(
    chunks: AsyncIterator[bytes], abort: Callable[[], Any]
) -> AsyncIterator[bytes]:
    """Everything but half of the last chunk.

    A gzip file ends in a well-formed answer: only its own checksum tells. Of a plain file nobody
    could tell, so the connection breaks.
    """
    first, held = b"", None
    async for chunk in chunks:
        if held is not None:
            yield held
        first, held = first or chunk, chunk
    if held:
        yield held[: len(held) // 2]
    if not first.startswith(_GZIP):
        abort()
