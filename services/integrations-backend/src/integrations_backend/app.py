"""The HTTP door of integrations-backend."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI

from integrations_backend.cases import routes as cases_routes
from integrations_backend.connections import routes as connections_routes
from integrations_backend.fees import routes as fees_routes
from integrations_backend.inventory import routes as inventory_routes
from integrations_backend.invoices import routes as invoices_routes
from integrations_backend.mail import routes as mail_routes
from integrations_backend.onboarding import routes as onboarding_routes
from integrations_backend.reports import routes as reports_routes
from integrations_backend.runtime import SERVICE, Runtime, build_access, open_runtime
from integrations_backend.settings import Settings
from integrations_backend.stripe_transactions import routes as stripe_routes
from integrations_backend.sync import routes as sync_routes
from integrations_backend.sync.progress import open_progress
from integrations_backend.unit_ledger import routes as unit_ledger_routes
from integrations_backend.user_data import routes as user_data_routes
from opside_chassis import process
from opside_chassis.health import database_check, queue_check, redis_check
from opside_chassis.rate_limits import PathLimits
from opside_chassis.web import WebOptions, create_app

LARGEST_UPLOAD_BYTES = 64 * 1024 * 1024
"""Report files of a large seller; the gateway has the same limit."""
LARGEST_PARSE_BYTES = 16 * 1024 * 1024
"""A paper of 10 MiB in base64, and the words around it."""


Opener = Callable[[Settings], AbstractAsyncContextManager[Runtime]]


def create(settings: Settings, opener: Opener = open_runtime) -> FastAPI:
    """The app; `opener` connects its parts when it starts, not when it is built."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            opener(settings) as runtime,
            open_progress(runtime.database.sessions, settings.redis_url) as progress,
        ):
            app.state.runtime = runtime
            app.state.progress = progress
            app.state.checks = [
                database_check(runtime.database.engine),
                redis_check(settings.redis_url),
                queue_check(runtime.database.sessions),
            ]
            yield

    return create_app(
        settings=settings,
        title=SERVICE,
        routers=[
            connections_routes.router,
            sync_routes.router,
            cases_routes.router,
            inventory_routes.router,
            unit_ledger_routes.router,
            fees_routes.router,
            reports_routes.router,
            onboarding_routes.router,
            mail_routes.router,
            invoices_routes.router,
            stripe_routes.router,
            user_data_routes.router,
        ],
        lifespan=lifespan,
        access=build_access(settings),
        options=WebOptions(
            path_limits=[
                PathLimits("/api/reports/upload", max_body_bytes=LARGEST_UPLOAD_BYTES),
                PathLimits("/internal/documents/parse", max_body_bytes=LARGEST_PARSE_BYTES),
            ]
        ),
    )


def main() -> None:
    """Serve until told to stop."""
    process.run_app(SERVICE, Settings, create)


if __name__ == "__main__":
    main()
