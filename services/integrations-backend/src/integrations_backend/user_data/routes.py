"""Export and erasure, for main-api alone."""

from fastapi import Request

from integrations_backend.user_data.keeper import IntegrationsKeeper
from opside_chassis.user_data_routes import user_data_router
from opside_contracts import scopes


def keeper_of(request: Request) -> IntegrationsKeeper:
    """Over the parts that were put together at the start."""
    return IntegrationsKeeper(request.app.state.runtime)


router = user_data_router(
    keeper_of, read_scope=scopes.READ_USER_DATA, erase_scope=scopes.ERASE_USER
)
