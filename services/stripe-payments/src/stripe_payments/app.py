"""The HTTP door of stripe-payments."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI

from opside_chassis import process
from opside_chassis.fast_door import FastDoor
from opside_chassis.health import Check, database_check, queue_check, redis_check
from opside_chassis.rate_limits import PathLimits
from opside_chassis.web import WebOptions, create_app
from stripe_payments.clawbacks import routes as clawbacks_routes
from stripe_payments.commissions import routes as commissions_routes
from stripe_payments.commissions.rates import SellerRates
from stripe_payments.connected_accounts import routes as connected_accounts_routes
from stripe_payments.customers import routes as customers_routes
from stripe_payments.housekeeping import routes as housekeeping_routes
from stripe_payments.reconciliation import routes as reconciliation_routes
from stripe_payments.runtime import SERVICE, Runtime, build_access, open_runtime
from stripe_payments.settings import Settings
from stripe_payments.simulation import routes as simulation_routes
from stripe_payments.statements import routes as statements_routes
from stripe_payments.subscriptions import routes as subscriptions_routes
from stripe_payments.user_data import routes as user_data_routes
from stripe_payments.webhooks import routes as webhooks_routes
from stripe_payments.webhooks.delivery import store_delivery

REFUSED_WEBHOOKS_PER_MINUTE = 600
"""Of one address. What Stripe signed is not counted: it delivers in bursts."""


Opener = Callable[[Settings], AbstractAsyncContextManager[Runtime]]


def create(settings: Settings, opener: Opener = open_runtime) -> FastAPI:
    """The app; `opener` connects its parts when it starts, not when it is built."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opener(settings) as runtime:
            app.state.runtime = runtime
            app.state.seller_rates = SellerRates(runtime.database.sessions)
            app.state.checks = [
                database_check(runtime.database.engine),
                redis_check(settings.redis_url),
                queue_check(runtime.database.sessions),
                Check("stripe", runtime.stripe.ping, critical=False),
            ]
            yield

    app = create_app(
        settings=settings,
        title=SERVICE,
        routers=[
            # Routes are tried in this order: the busiest first.
            webhooks_routes.router,
            commissions_routes.router,
            clawbacks_routes.router,
            customers_routes.router,
            connected_accounts_routes.router,
            reconciliation_routes.router,
            housekeeping_routes.router,
            statements_routes.router,
            subscriptions_routes.router,
            user_data_routes.router,
            # A route for tests does not exist where real money moves.
            *(() if settings.stripe_live_mode else (simulation_routes.router,)),
        ],
        lifespan=lifespan,
        access=build_access(settings),
        options=WebOptions(
            path_limits=[
                PathLimits(
                    path,
                    requests_per_minute=REFUSED_WEBHOOKS_PER_MINUTE,
                    json_checked=False,
                    counted=False,
                )
                for path in webhooks_routes.PATHS
            ],
            health_fields=lambda: {"stripeLiveMode": settings.stripe_live_mode},
            untraced=lambda scope: scope["path"] in webhooks_routes.PATHS,
        ),
    )
    app.add_middleware(
        FastDoor,
        paths=webhooks_routes.PATHS,
        take=store_delivery,
        answer=webhooks_routes.RECEIVED,
        production=settings.in_production,
    )
    return app


def main() -> None:
    """Serve until told to stop."""
    process.run_app(SERVICE, Settings, create)


if __name__ == "__main__":
    main()
