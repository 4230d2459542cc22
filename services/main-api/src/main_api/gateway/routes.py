"""Pass a signed-in user's request on, as a service that acts for him."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import Response, StreamingResponse
from starlette.background import BackgroundTask

from main_api.dependencies import Runtime, runtime
from main_api.gateway.sockets import SOCKETS, Refused, Socket, socket_to
from main_api.gateway.table import ROUTES, PassedOn, Upstream
from main_api.sessions.rules import hash_of
from main_api.sessions.watch import Ending, SessionWatch
from opside_chassis import access
from opside_chassis.access import Caller, bearer_token
from opside_chassis.errors import Forbidden, Unauthenticated, Unavailable
from opside_chassis.forwarding import answer_headers, short_body
from opside_contracts import scopes

BINDING_HEADER = "X-Opside-Browser-Binding"

SEND_SECONDS = 10.0
"""A client that takes no message for so long is left."""
GOING_AWAY = 1001
CLOSED_BY = {Ending.SESSION_ENDED: 4401, Ending.UNKNOWN: 1013}
"""4401 is ours: sign in again (4000 to 4999 are for applications); 1013: try again later."""
NEVER_SENT = frozenset({None, 1005, 1006, 1015})
"""Close codes that only say how a connection was lost (RFC 6455 section 7.4.1)."""

Endpoint = Callable[..., Awaitable[Response]]


def build_router(rows: Iterable[PassedOn] = ROUTES) -> APIRouter:
    """One declared route for each row of the table."""
    router = APIRouter()
    for row in rows:
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
    for path, upstream in SOCKETS.items():
        router.add_api_websocket_route(path, _socket_endpoint(path, upstream))
    return router


def _endpoint(row: PassedOn) -> Endpoint:
    async def pass_on(
        request: Request,
        caller: Annotated[Caller, Depends(access.member(*row.roles))],
        parts: Annotated[Runtime, Depends(runtime)],
    ) -> Response:
        return await _forward(row, request, caller, parts)

    return pass_on


async def _forward(row: PassedOn, request: Request, caller: Caller, parts: Runtime) -> Response:
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
        raise _unavailable(row, retry_after_seconds=error.retry_after_seconds) from error
    if answer.status_code == Unauthenticated.status:
        # Our own token was refused: a fault between us, not the user's.
        await answer.aclose()
        raise Unavailable(
            f"{row.upstream.value} does not accept us right now", service=row.upstream.value
        )
    body = await short_body(answer, broken_off=_unavailable(row))
    headers = answer_headers(answer)
    if body is not None:
        # Without the tasks that watch over a stream: a tenth of what a read costs here.
        return Response(body, status_code=answer.status_code, headers=headers)
    return StreamingResponse(
        answer.aiter_raw(),
        status_code=answer.status_code,
        headers=headers,
        background=BackgroundTask(answer.aclose),
    )


def _unavailable(row: PassedOn, *, retry_after_seconds: int | None = None) -> Unavailable:
    return Unavailable(
        f"{row.upstream.value} is not available right now; everything else works",
        retry_after_seconds=retry_after_seconds,
        service=row.upstream.value,
    )


def _path_of(row: PassedOn, request: Request) -> str:
    """The declared path with this request's parameters in it, each one segment and nothing more."""
    quoted = {name: quote(str(value), safe="") for name, value in request.path_params.items()}
    return row.path.format_map(quoted)


def _socket_endpoint(path: str, upstream: Upstream) -> Callable[..., Awaitable[None]]:
    async def pass_on(
        websocket: WebSocket, caller: Annotated[Caller, Depends(access.member())]
    ) -> None:
        refuse_foreign_page(websocket)
        settings = websocket.app.state.runtime.settings
        watch: SessionWatch = websocket.app.state.session_watch
        quoted = {name: quote(str(value), safe="") for name, value in websocket.path_params.items()}
        try:
            async with (
                watch.over(caller.session_id or "") as ending,
                socket_to(settings, upstream, path.format_map(quoted), caller) as service,
            ):
                await websocket.accept()
                await _relay(service, websocket, ending)
        except Refused as refused:
            await websocket.send_denial_response(
                Response(refused.body, refused.status, media_type=refused.media_type)
            )

    return pass_on


def refuse_foreign_page(websocket: WebSocket) -> None:
    """Browsers let every page open a socket, cookies included, and only name the page.

    Raises:
        Forbidden: it is none of ours; or a cookie came without a page's name.
    """
    origin = websocket.headers.get("origin")
    by_token = bearer_token(websocket) is not None
    if origin in websocket.app.state.runtime.allowed_origins or (origin is None and by_token):
        return
    raise Forbidden("This origin may not listen here.")


async def _relay(service: Socket, websocket: WebSocket, ending: asyncio.Future[Ending]) -> None:
    """What the service says goes to the client, as fast as he takes it; what he says stays here.

    Until the service ends, the client leaves, or his session is over.
    """
    giving = asyncio.create_task(_give(service, websocket))
    leaving = asyncio.create_task(_left(websocket))
    first: set[asyncio.Future[Any]] = {giving, leaving, ending}
    try:
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    finally:
        giving.cancel()
        leaving.cancel()
        await asyncio.gather(giving, leaving, return_exceptions=True)
    # It may be closed already; or it takes nothing, not even this.
    with suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
        async with asyncio.timeout(SEND_SECONDS):
            await websocket.close(_close_code(service, ending))


def _close_code(service: Socket, ending: asyncio.Future[Ending]) -> int:
    if ending.done():
        return CLOSED_BY[ending.result()]
    code = service.close_code
    return GOING_AWAY if code is None or code in NEVER_SENT else code


async def _give(service: Socket, websocket: WebSocket) -> None:
    async for message in service:
        async with asyncio.timeout(SEND_SECONDS):
            await websocket.send_text(str(message))


async def _left(websocket: WebSocket) -> None:
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
