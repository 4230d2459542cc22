"""The app factory and the server every service starts with."""

import errno
import signal
import socket
from collections.abc import AsyncIterator, Callable, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from types import FrameType
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from opside_chassis import problems
from opside_chassis.access import Access
from opside_chassis.bounded_http import BoundedHttp
from opside_chassis.health import Check, HealthFields, health_router
from opside_chassis.middleware import (
    AddressLimit,
    Cors,
    Errors,
    RequestContext,
    SecurityHeaders,
)
from opside_chassis.rate_limits import PathLimits, RateLimiter, redis_for_counting
from opside_chassis.request_context import HEADER
from opside_chassis.request_guard import RequestGuard
from opside_chassis.settings import ServiceSettings, WrongSetting, refuse_start

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

GRACEFUL_SHUTDOWN_SECONDS = 10
"""A money request takes far less; event streams are cut after it."""
KEEP_ALIVE_SECONDS = 30
"""Longer than the 5 s our clients keep an idle connection: the client must be the one to close."""
BACKLOG = 2048
WEBSOCKET_MESSAGE_BYTES = 4 * 1024
"""Of a client's message; our sockets speak, clients only listen."""
WEBSOCKET_PING_SECONDS = 20.0
"""A client that answers no ping for so long is gone."""
_CORS_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_CORS_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "X-CSRF-Token", HEADER)
_CORS_EXPOSED = (HEADER, "Idempotent-Replayed", "Retry-After", "Content-Disposition")
_CORS_MAX_AGE_SECONDS = 600


def _no_fields() -> dict[str, object]:
    return {}


@dataclass(frozen=True, slots=True)
class WebOptions:
    """What differs between services: paths with limits of their own, fields of /health."""

    path_limits: Sequence[PathLimits] = ()
    health_fields: HealthFields = _no_fields
    untraced: Callable[[MutableMapping[str, Any]], bool] | None = None
    """True for the scope of a request whose span would cost more than the request."""
    rate_limiter: RateLimiter | None = None
    """Given by tests; by default one is made from the settings."""


def create_app(
    *,
    settings: ServiceSettings,
    title: str,
    version: str = "0.1.0",
    routers: Sequence[APIRouter] = (),
    lifespan: Lifespan | None = None,
    access: Access | None = None,
    checks: Sequence[Check] = (),
    options: WebOptions | None = None,
) -> FastAPI:
    """Build a service's app: its routers behind the guards every service has.

    `lifespan` opens the service's runtime; it may set `app.state.checks` once parts exist. The
    OpenAPI document is not served in production.
    """
    options = options or WebOptions()
    limiter = options.rate_limiter or _rate_limiter(settings, service=title)
    app = FastAPI(
        title=title,
        version=version,
        openapi_url=None if settings.in_production else "/openapi.json",
        docs_url=None,
        redoc_url=None,
        # A redirect would be built from the client's Host header.
        redirect_slashes=False,
        # One span a request says where the time went; one a dependency only costs some.
        telemetry={"operation_spans": False, "exclude": options.untraced},
        lifespan=_composed(lifespan, limiter),
        middleware=_middleware(settings, options),
        responses=problems.OPENAPI_RESPONSES,
    )
    app.state.access = access
    app.state.checks = list(checks)
    app.state.path_limits = tuple(options.path_limits)
    app.state.rate_limiter = limiter
    app.state.wrong_setting = None
    problems.install(app)
    app.include_router(health_router(service=title, version=version, fields=options.health_fields))
    for router in routers:
        app.include_router(router)
    return app


def _middleware(settings: ServiceSettings, options: WebOptions) -> list[Middleware]:
    """From the outside in: an error of an inner guard still gets the headers of the outer ones."""
    return [
        Middleware(RequestContext, trusted_proxy_hops=settings.trusted_proxy_hops),
        Middleware(SecurityHeaders, production=settings.in_production),
        Middleware(
            Cors,
            allow_origins=settings.cors_allowed_origins,
            allow_credentials=True,
            allow_methods=_CORS_METHODS,
            allow_headers=_CORS_HEADERS,
            expose_headers=_CORS_EXPOSED,
            max_age=_CORS_MAX_AGE_SECONDS,
        ),
        Middleware(Errors),
        Middleware(AddressLimit),
        Middleware(RequestGuard, limits=options.path_limits),
    ]


def _rate_limiter(settings: ServiceSettings, *, service: str) -> RateLimiter:
    redis = redis_for_counting(settings.redis_url)
    return RateLimiter(service=service, per_minute=settings.rate_limit_max_requests, redis=redis)


def _composed(lifespan: Lifespan | None, limiter: RateLimiter) -> Lifespan:
    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with lifespan(app) if lifespan else nullcontext():
                yield
        except WrongSetting as wrong:
            # uvicorn swallows what stops a start; `serve` says it in one line.
            app.state.wrong_setting = wrong
            raise
        finally:
            await limiter.close()

    return run


def server_config(app: FastAPI) -> uvicorn.Config:
    """How every service is served: the HTTP parser, its bounds, and nothing believed of proxies."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=BoundedHttp,
        ws="websockets-sansio",
        ws_max_size=WEBSOCKET_MESSAGE_BYTES,
        ws_max_queue=4,
        ws_ping_interval=WEBSOCKET_PING_SECONDS,
        ws_ping_timeout=WEBSOCKET_PING_SECONDS,
        # A small message could unpack to a large one.
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_SECONDS,
    )


def serve(app: FastAPI, settings: ServiceSettings) -> None:
    """Serve until SIGTERM or SIGINT; a port in use ends the process with one line and code 78."""
    try:
        listener = _listen(settings.host, settings.port)
    except WrongSetting as wrong:
        refuse_start(wrong)
    server = uvicorn.Server(server_config(app))

    def stop(_signal_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # uvicorn raises a signal again after its graceful end. This handler takes it, so that the
    # process returns from here, flushes its telemetry and exits with 0; it also keeps a signal
    # that comes before uvicorn listens for any.
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        server.run(sockets=[listener])
    except SystemExit:
        wrong_setting: WrongSetting | None = app.state.wrong_setting
        if wrong_setting is not None:
            refuse_start(wrong_setting)
        raise
    finally:
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _wrong_address(host, port, error) from error
    listener.setblocking(False)  # noqa: FBT003 - its only argument
    return listener


def _wrong_address(host: str, port: int, error: OSError) -> WrongSetting:
    if error.errno == errno.EADDRINUSE:
        return WrongSetting(
            "PORT", f"{port} is in use", "stop what uses it or set PORT to a free port"
        )
    if error.errno == errno.EACCES:
        return WrongSetting("PORT", f"{port} may not be opened", "set PORT above 1023")
    return WrongSetting(
        "HOST", f"{host} cannot be listened on", "set HOST to an address of this machine"
    )
