"""Amazon over HTTP: Login with Amazon, Seller Central and the SP-API on one address."""

from functools import partial

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from opside_sandbox.amazon.cases.desk_pages import seller_central_router
from opside_sandbox.amazon.history.generate import birthday
from opside_sandbox.amazon.oauth.profile_consent import profile_consent_router
from opside_sandbox.amazon.oauth.seller_consent import appstore_router, seller_consent_router
from opside_sandbox.amazon.oauth.token_endpoint import token_router
from opside_sandbox.amazon.spapi.documents import documents_router
from opside_sandbox.amazon.spapi.errors import SpApiError
from opside_sandbox.amazon.spapi.finances import finances_router
from opside_sandbox.amazon.spapi.finances_2024 import finances_2024_router
from opside_sandbox.amazon.spapi.gate import refused
from opside_sandbox.amazon.spapi.inbound import inbound_router
from opside_sandbox.amazon.spapi.inventory import inventory_router
from opside_sandbox.amazon.spapi.notifications import notifications_router
from opside_sandbox.amazon.spapi.reports import reports_router
from opside_sandbox.amazon.spapi.sellers import sellers_router
from opside_sandbox.amazon.spapi.tokens import tokens_router
from opside_sandbox.recording import record
from opside_sandbox.state import SandboxState

SP_API = r"/[A-Za-z/]+/(v\d+|\d{4}-\d\d-\d\d)/"
"""Every path of the SP-API carries a version; no page, token or document does."""
_ROUTERS = (
    profile_consent_router, token_router, seller_consent_router, appstore_router,
    seller_central_router, sellers_router, reports_router, documents_router, inventory_router,
    finances_router, finances_2024_router, inbound_router, tokens_router, notifications_router,
)  # fmt: skip


def _remember_birthday(state: SandboxState) -> None:
    birthday(state)


def create(state: SandboxState) -> FastAPI:
    """The application."""
    # The histories end on the day the state was created, not when somebody first asks; a reset
    # is a new creation.
    birthday(state)
    state.clock.on_change(partial(_remember_birthday, state))
    app = FastAPI(title="Amazon stand-in", version="1", docs_url=None, openapi_url=None)
    record(app, state.settings.record, "amazon", SP_API)
    for router in _ROUTERS:
        app.include_router(router(state))

    @app.exception_handler(HTTPException)
    async def unknown(_request: Request, error: HTTPException) -> Response:
        known = {404: "NotFound", 405: "MethodNotAllowed"}
        code = known.get(error.status_code, "InvalidInput")
        return refused(state, SpApiError(error.status_code, code, str(error.detail), None))

    return app
