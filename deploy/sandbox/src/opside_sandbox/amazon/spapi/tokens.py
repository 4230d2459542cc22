"""tokens 2021-03-01: restricted data tokens."""

import json

from fastapi import APIRouter, Request

from opside_sandbox.amazon.oauth import grants
from opside_sandbox.amazon.spapi.errors import SpApiError
from opside_sandbox.amazon.spapi.gate import Answer, Caller, guarded
from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document

_MOST_RESOURCES = 50
_METHODS = {"GET", "PUT", "POST", "DELETE"}
_ELEMENTS = {"buyerInfo", "shippingAddress", "buyerTaxInformation"}


def _bad(details: str) -> SpApiError:
    message = "Request is missing or has invalid parameters"
    return SpApiError(400, "InvalidRequest", message, details)


def _resource(one: object) -> Document:
    if not isinstance(one, dict) or one.get("method") not in _METHODS:
        raise _bad("Resource not provided.")
    path, elements = one.get("path"), one.get("dataElements") or []
    if not isinstance(path, str) or not path.startswith("/"):
        raise _bad("Resource path is not valid.")
    if not isinstance(elements, list) or not set(elements) <= _ELEMENTS:
        raise _bad("dataElements is not valid.")
    return {"method": one["method"], "path": path}


def _resources(raw: bytes) -> list[Document]:
    try:
        body = json.loads(raw)
    except ValueError:
        raise _bad("The request body is not valid JSON.") from None
    asked = body.get("restrictedResources") if isinstance(body, dict) else None
    if not isinstance(asked, list) or not 1 <= len(asked) <= _MOST_RESOURCES:
        raise _bad(f"restrictedResources must hold 1 to {_MOST_RESOURCES} resources.")
    return [_resource(one) for one in asked]


def tokens_router(state: SandboxState) -> APIRouter:
    """createRestrictedDataToken."""
    router = APIRouter()

    async def create(request: Request, caller: Caller) -> Answer:
        resources = _resources(await request.body())
        grant = {"client_id": caller.client_id, "persona": caller.persona.key}
        token = grants.issue_restricted(state, grant, resources)
        return Answer({"restrictedDataToken": token, "expiresIn": grants.ACCESS_SECONDS})

    router.add_api_route(
        "/tokens/2021-03-01/restrictedDataToken",
        guarded(state, "createRestrictedDataToken", create),
        methods=["POST"],
    )
    return router
