"""Pass a signed-in user's request on, as a service that acts for him."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

from main_api.dependencies import Runtime, runtime
from main_api.gateway.table import ROUTES, PassedOn
from main_api.sessions.rules import hash_of
from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.errors import Unauthenticated, Unavailable
from opside_chassis.forwarding import answer_headers
from opside_contracts import scopes

BINDING_HEADER = "X-Opside-Browser-Binding"

Endpoint = Callable[..., Awaitable[StreamingResponse]]


def build_router() -> APIRouter:
    """One declared route for each row of the table."""
    router = APIRouter()
    for row in ROUTES:
        name = f"{row.method} {row.path}"
        router.add_api_route(
            row.path,
            _endpoint(row),
            methods=[row.method],
            name=name,
            operation_id=name.lower().translate(str.maketrans(" /{}-", "_____")),
            response_class=StreamingResponse,
            summary=f"Passed on to {row.upstream.value}",
        )
    return router


def _endpoint(row: PassedOn) -> Endpoint:
    async def pass_on(
        request: Request,
        caller: Annotated[Caller, Depends(access.member(*row.roles))],
        parts: Annotated[Runtime, Depends(runtime)],
    ) -> StreamingResponse:
        return await _forward(row, request, caller, parts)

    return pass_on


async def _forward(
    row: PassedOn, request: Request, caller: Caller, parts: Runtime
) -> StreamingResponse:
    trusted = {}
    if row.binds_browser:
        trusted[BINDING_HEADER] = hash_of(caller.session_id or "")
    try:
        answer = await parts.upstream(row.upstream).forward(
            row.method,
            _path_of(row, request),
            scope=scopes.ACT_FOR_USER,
            act_for=caller.user_id,
            act_role=caller.role,
            act_session=caller.session_id,
            query=request.scope["query_string"],
            headers=request.headers,
            body_stream=request.stream(),
            trusted_headers=trusted,
        )
    except Unavailable as error:
        raise Unavailable(
            f"{row.upstream.value} is not available right now; everything else works",
            retry_after_seconds=error.retry_after_seconds,
            service=row.upstream.value,
        ) from error
    if answer.status_code == Unauthenticated.status:
        # Our own token was refused: a fault between us, not the user's.
        await answer.aclose()
        raise Unavailable(
            f"{row.upstream.value} does not accept us right now", service=row.upstream.value
        )
    return StreamingResponse(
        answer.aiter_raw(),
        status_code=answer.status_code,
        headers=answer_headers(answer),
        background=BackgroundTask(answer.aclose),
    )


def _path_of(row: PassedOn, request: Request) -> str:
    """The declared path with this request's parameters in it, each one segment and nothing more."""
    quoted = {name: quote(str(value), safe="") for name, value in request.path_params.items()}
    return row.path.format_map(quoted)
