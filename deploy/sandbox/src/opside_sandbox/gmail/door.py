"""What every call passes: reading the request, and the fault that is planned for it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from opside_sandbox.cutting import CutResponse
from opside_sandbox.gmail import errors, faults
from opside_sandbox.gmail.broken_bodies import SlowBody, TornBody, wrong_type
from opside_sandbox.gmail.errors import ApiError
from opside_sandbox.state import SandboxState


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the handlers see it; `query` keeps repeated names."""

    query: list[tuple[str, str]]
    form: dict[str, str]
    path: dict[str, str]
    headers: dict[str, str]


Act = Callable[[Asked], Response]

_REFUSALS: dict[str, Callable[[], ApiError]] = {
    "429": partial(errors.user_rate_exceeded, 429),
    "403": partial(errors.user_rate_exceeded, 403),
    "403_user_rate": errors.user_rate,
    "403_daily_limit": errors.daily_limit,
    "403_domain_policy": errors.domain_policy,
    "500_before": errors.backend_error,
    "503": partial(errors.backend_error, 503),
}
"""Faults that refuse a call before anything is done."""


def door(state: SandboxState, operation: str, act: Act) -> Callable[[Request], Awaitable[Response]]:
    """The route of an operation: `act` runs in one transaction, around it the planned fault."""

    async def route(request: Request) -> Response:
        asked = await _read(request)
        fault = faults.meet(state, operation)
        if fault is None:
            return _acted(state, act, asked)
        if fault.kind in {"timeout_before", "reset"}:
            if fault.kind == "timeout_before":
                await _hang(request, fault.seconds)
            return CutResponse()
        if (refusal := _refusal(operation, fault.kind)) is not None:
            return refusal
        if fault.kind == "clock_jump":
            state.clock.advance(fault.seconds)
        answer = _acted(state, act, asked)
        return await _spoilt(request, operation, fault, answer)

    route.__name__ = operation.replace(".", "_")
    return route


def _acted(state: SandboxState, act: Act, asked: Asked) -> Response:
    with state.store.transaction():
        return act(asked)


async def _spoilt(
    request: Request, operation: str, fault: faults.Fault, answer: Response
) -> Response:
    """What a fault after the commit leaves of a good answer."""
    if fault.kind == "timeout_after":
        await _hang(request, fault.seconds)
        return CutResponse()
    if fault.kind == "500_after":
        return _broken(operation, errors.backend_error())
    if fault.kind == "slow":
        return SlowBody(answer, fault.seconds)
    if fault.kind == "torn":
        return TornBody(answer)
    return wrong_type() if fault.kind == "wrong_type" else answer


def _refusal(operation: str, kind: str) -> Response | None:
    make = _REFUSALS.get(kind)
    return None if make is None else _broken(operation, make())


def _broken(operation: str, error: ApiError) -> Response:
    """OAuth endpoints speak RFC 6749, the API speaks Google's own shape."""
    if operation.startswith("oauth2."):
        word = "internal_failure" if error.status >= 500 else "rate_limit_exceeded"
        return JSONResponse({"error": word, "error_description": error.message}, error.status)
    return error.response()


async def _read(request: Request) -> Asked:
    form = await request.form() if request.method == "POST" else {}
    return Asked(
        list(request.query_params.multi_items()),
        {name: str(value) for name, value in form.items()},
        dict(request.path_params),
        dict(request.headers),
    )


async def _hang(request: Request, seconds: float) -> None:
    """Say nothing until the client leaves or the time is over."""

    async def left() -> None:
        while not await request.is_disconnected():  # noqa: ASYNC110 (the server has no event)
            await asyncio.sleep(0.05)

    try:
        await asyncio.wait_for(left(), seconds)
    except TimeoutError:
        return
