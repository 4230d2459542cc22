"""What every request passes through, from the outside in: see `web.create_app` for the order.

Plain ASGI classes: nothing here buffers a response or runs a request in another task.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opside_chassis import health, problems
from opside_chassis.access import (
    COUNTED,
    COUNTING,
    Access,
    bearer_token,
    begin_counting,
    service_identity,
    user_identity,
)
from opside_chassis.database_errors import as_unavailable
from opside_chassis.errors import OpsideError, Unauthenticated
from opside_chassis.rate_limits import PathLimits, RateLimiter, limit_address, path_limits
from opside_chassis.request_context import (
    CLIENT_ADDRESS,
    HEADER,
    USER_ID,
    enter_request,
    leave_request,
    limit_key,
    resolve_client_address,
)
from opside_chassis.service_token import ServiceIdentity
from opside_chassis.user_token import UserIdentity

_access_log = logging.getLogger("opside.access")
_log = logging.getLogger(__name__)

_CLIENT_CLOSED = 499
"""What nginx logs for a client that went away; only ever seen in our log."""
_WITHOUT_BODY = frozenset({"GET", "HEAD"})
_ANSWER_STARTS = frozenset({"http.response.start", "websocket.http.response.start"})
_ANSWERED = _ANSWER_STARTS | {"websocket.accept", "websocket.close"}
"""Messages after which nothing else can be answered any more."""
SECURITY_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
}
HSTS = "max-age=63072000; includeSubDomains"
"""Two years; only in production, since a development machine has no certificate."""


class RequestContext:
    """Gives the request its id and its client's address, and writes the access line."""

    def __init__(self, app: ASGIApp, *, trusted_proxy_hops: int) -> None:
        self._app = app
        self._hops = trusted_proxy_hops

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or one WebSocket from its handshake on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        own_id, reset = enter_request(headers.get(HEADER))
        peer = scope["client"][0] if scope.get("client") else None
        scope[CLIENT_ADDRESS] = resolve_client_address(
            peer, headers.getlist("x-forwarded-for"), hops=self._hops
        )
        started = time.perf_counter()
        status = _CLIENT_CLOSED

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] in _ANSWER_STARTS:
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = own_id
            elif message["type"] == "websocket.accept":
                status = HTTPStatus.SWITCHING_PROTOCOLS
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            _write_access_line(scope, status, time.perf_counter() - started)
            leave_request(reset)


def _write_access_line(scope: Scope, status: int, took_seconds: float) -> None:
    """For a socket when it ends: what its handshake was answered, and how long it was open."""
    method = scope.get("method", "GET")
    quiet = scope["path"].startswith(health.PREFIX) and status < HTTPStatus.INTERNAL_SERVER_ERROR
    _access_log.log(
        logging.DEBUG if quiet else logging.INFO,
        "%s %s %d",
        method,
        scope["path"],
        status,
        extra={
            "method": method,
            "path": scope["path"],
            "status": status,
            "durationMs": round(took_seconds * 1000, 1),
            "clientAddress": scope[CLIENT_ADDRESS],
            "userId": scope.get(USER_ID),
        },
    )


def security_headers(*, production: bool) -> dict[str, str]:
    """The headers of a closed API."""
    return {**SECURITY_HEADERS, **({"Strict-Transport-Security": HSTS} if production else {})}


class SecurityHeaders:
    """Adds the headers of a closed API; a route's own (an HTML page's CSP) wins."""

    def __init__(self, app: ASGIApp, *, production: bool) -> None:
        self._app = app
        self._headers = security_headers(production=production)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] in _ANSWER_STARTS:
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if message["status"] == HTTPStatus.NO_CONTENT:
                    # FastAPI calls what a route does not answer JSON.
                    del headers["Content-Type"]
            await send(message)

        await self._app(scope, receive, send_with_headers)


class Cors(CORSMiddleware):
    """Starlette's CORS, with a problem where it would answer plain text."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer a preflight request."""
        answer = super().preflight_response(request_headers)
        if answer.status_code < HTTPStatus.BAD_REQUEST:
            return answer
        return problems.problem({}, 400, detail="This origin may not call here.", code="cors")


class Errors:
    """The last net: whatever is raised becomes a problem, with nothing internal in it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or handshake; an error after the answer began breaks the connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        started = False

        async def tracked_send(message: Message) -> None:
            nonlocal started
            started = started or message["type"] in _ANSWERED
            await send(message)

        try:
            await self._app(scope, receive, tracked_send)
        except ClientDisconnect:
            return
        except OpsideError as error:
            if started:
                raise
            await problems.from_error(scope, error)(scope, receive, send)
        except Exception as error:
            unavailable = as_unavailable(error)
            if unavailable is None or started:
                _log.exception("unhandled error")
            else:
                _log.warning("the database is away or busy: %s", type(error).__name__)
            if started:
                raise
            answer = problems.from_error(scope, unavailable) if unavailable else None
            await (answer or problems.internal_error(scope))(scope, receive, send)


class AddressLimit:
    """Bounds how often one address may call or open a socket, but for services with a good token.

    These are bounded by the user they act for (`access.member`): all of them come from the
    gateway's address. A user with a good token is counted here too: one question for both.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; raises `TooManyRequests`."""
        try:
            if scope["type"] != "lifespan" and not _is_probe(scope["path"]):
                await self._count(HTTPConnection(scope))
            await self._app(scope, receive, send)
        finally:
            if COUNTING in scope:
                # Where there is no such path, no rule has heard the answer; nor where the caller left.
                await asyncio.gather(scope[COUNTING], return_exceptions=True)

    async def _count(self, connection: HTTPConnection) -> None:
        state = connection.app.state
        limiter: RateLimiter | None = state.rate_limiter
        limits = path_limits(connection.scope["path"], state.path_limits)
        if limiter is not None and (limits is None or limits.counted):
            await _limit(connection, limiter, limits, state.access)


async def _limit(
    connection: HTTPConnection,
    limiter: RateLimiter,
    limits: PathLimits | None,
    access: Access | None,
) -> None:
    who = _who(connection, access)
    if isinstance(who, ServiceIdentity):
        return
    user_id = who.user_id if who else None
    address = limit_key(connection.scope[CLIENT_ADDRESS])
    counting = limit_address(limiter, address, limits, user_id=user_id)
    if user_id and connection.scope.get("method") in _WITHOUT_BODY:
        # The route's rule waits for it, beside the look into the database that it needs anyway.
        begin_counting(connection, user_id, counting)
        # A turn of the loop, in which the question leaves for Redis.
        await asyncio.sleep(0)
    else:
        await counting
        connection.scope[COUNTED] = user_id


def _is_probe(path: str) -> bool:
    return path == health.PREFIX or path.startswith(f"{health.PREFIX}/")


def _who(
    connection: HTTPConnection, access: Access | None
) -> ServiceIdentity | UserIdentity | None:
    """Whose good bearer token it is."""
    try:
        token = bearer_token(connection)
        if access is None or token is None:
            return None
        service = service_identity(connection, access, token)
        return service or user_identity(connection, access, token)
    except Unauthenticated:
        return None
