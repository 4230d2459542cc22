"""Google over HTTP: consent, tokens and the Gmail API on one address."""

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from opside_sandbox.gmail.api.routes import api_router
from opside_sandbox.gmail.errors import not_found
from opside_sandbox.gmail.oauth import grants
from opside_sandbox.gmail.oauth.consent import consent_router
from opside_sandbox.gmail.oauth.token_endpoint import token_router
from opside_sandbox.recording import record
from opside_sandbox.state import SandboxState

_ROUTERS = (consent_router, token_router, api_router)


def create(state: SandboxState) -> FastAPI:
    """The application."""
    grants.index(state)
    app = FastAPI(title="Google stand-in", version="1", docs_url=None, openapi_url=None)
    record(app, state.settings.record, "gmail", "/gmail/")
    for router in _ROUTERS:
        app.include_router(router(state))

    @app.exception_handler(HTTPException)
    async def unknown(_request: Request, _error: HTTPException) -> Response:
        return not_found().response()

    return app
