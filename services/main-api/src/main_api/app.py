"""The HTTP door of main-api."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

from fastapi import FastAPI

from main_api.accounts import routes as accounts_routes
from main_api.dashboard import routes as dashboard_routes
from main_api.events import routes as events_routes
from main_api.evidence import routes as evidence_routes
from main_api.evidence.content import LARGEST_FILE_BYTES
from main_api.filings import routes as filings_routes
from main_api.gateway.routes import build_router
from main_api.gateway.shortcut import Shortcut
from main_api.notifications import routes as notifications_routes
from main_api.recoveries import routes as recoveries_routes
from main_api.runtime import SERVICE, Runtime, build_access, open_runtime
from main_api.sessions import routes as sessions_routes
from main_api.sessions.reader import SessionReader
from main_api.sessions.watch import SessionWatch
from main_api.settings import Settings
from main_api.statements import routes as statements_routes
from main_api.user_data import routes as user_data_routes
from opside_chassis import process
from opside_chassis.health import database_check, queue_check, redis_check
from opside_chassis.rate_limits import PathLimits
from opside_chassis.web import WebOptions, create_app

LARGEST_UPLOAD_BYTES = 64 * 1024 * 1024
"""Report files of a large seller; integrations-backend has the same limit."""
LARGEST_EVIDENCE_BYTES = LARGEST_FILE_BYTES + 64 * 1024
"""A document, and the multipart form around it."""

Opener = Callable[[Settings], AbstractAsyncContextManager[Runtime]]


def create(settings: Settings, opener: Opener = open_runtime) -> FastAPI:
    """The app; `opener` connects its parts when it starts, not when it is built."""
    believed = build_access(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opener(settings) as runtime:
            reader = SessionReader(
                runtime.database.sessions,
                believed.user_verifier,
                runtime.allowed_origins,
                runtime.clock,
            )
            app.state.runtime = runtime
            watch = SessionWatch(runtime.database.sessions, runtime.clock)
            app.state.session_watch = watch
            app.state.access = replace(
                believed, session_reader=reader, person_reader=reader.caller_of
            )
            app.state.checks = [
                database_check(runtime.database.engine),
                redis_check(settings.redis_url),
                queue_check(runtime.database.sessions),
            ]
            async with watch.looking():
                yield

    gateway = build_router()
    app = create_app(
        settings=settings,
        title=SERVICE,
        routers=[
            sessions_routes.router,
            accounts_routes.router,
            user_data_routes.router,
            notifications_routes.router,
            recoveries_routes.router,
            statements_routes.router,
            evidence_routes.router,
            filings_routes.router,
            events_routes.router,
            dashboard_routes.router,
            gateway,
        ],
        lifespan=lifespan,
        access=believed,
        options=WebOptions(
            path_limits=[
                PathLimits("/api/reports/upload", max_body_bytes=LARGEST_UPLOAD_BYTES),
                PathLimits("/api/evidence", max_body_bytes=LARGEST_EVIDENCE_BYTES),
            ]
        ),
    )
    app.router.routes.insert(0, Shortcut(gateway.routes))
    return app


def main() -> None:
    """Serve until told to stop."""
    process.run_app(SERVICE, Settings, create)


if __name__ == "__main__":
    main()
