"""Export and erasure, for main-api alone."""

from fastapi import Request

from opside_chassis.user_data_routes import user_data_router
from opside_contracts import scopes
from stripe_payments.user_data.keeper import PaymentsKeeper


def keeper_of(request: Request) -> PaymentsKeeper:
    """Over the parts that were put together at the start."""
    return PaymentsKeeper(request.app.state.runtime)


router = user_data_router(
    keeper_of, read_scope=scopes.READ_USER_DATA, erase_scope=scopes.ERASE_USER
)
