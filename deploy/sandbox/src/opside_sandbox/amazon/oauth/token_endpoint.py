"""`/auth/o2/token` and `/user/profile`, with Login with Amazon's own errors."""

import base64
import binascii
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from opside_sandbox.amazon.faults import PROFILE, TOKEN
from opside_sandbox.amazon.identifiers import request_id, rid
from opside_sandbox.amazon.oauth import grants
from opside_sandbox.amazon.oauth.secrets import is_secret
from opside_sandbox.amazon.personas import everybody
from opside_sandbox.amazon.unlucky import answered
from opside_sandbox.settings import AmazonApp
from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document

GRANTLESS_SCOPES = {grants.NOTIFICATIONS, grants.SECRET_ROTATION}
_TEXTS = {
    "unsupported_grant_type": "The authorization grant type is not supported by the authorization server",
    "invalid_client": "Client authentication failed",
    "invalid_request": "The request is missing a required parameter : ",
    "invalid_scope": "The request has an invalid parameter : scope",
    "unauthorized_client": "Not authorized for requested operation",
}
_BAD_GRANT = "The request has an invalid grant parameter : "
_EXCEPTIONS = {
    "unsupported_grant_type": "OA2UnsupportedGrantTypeException",
    "invalid_client": "OA2InvalidClientException",
    "invalid_request": "OA2InvalidRequestException",
    "invalid_scope": "OA2InvalidScopeException",
    "unauthorized_client": "OA2UnauthorizedClientException",
    "invalid_grant": "OA2InvalidGrantException",
}


class _LwaError(Exception):
    def __init__(self, error: str, description: str = "", status: int = 400) -> None:
        super().__init__(error)
        self.error, self.status = error, status
        self.description = description or _TEXTS[error]


def _headers(state: SandboxState) -> dict[str, str]:
    return {
        "Cache-Control": "no-cache, no-store, must-revalidate",
        "Pragma": "no-cache",
        "x-amzn-RequestId": request_id(state),
        "x-amz-rid": rid(state),
        "content-type": "application/json;charset=UTF-8",
        "vary": "Content-Type,Accept-Encoding,User-Agent",
    }


def _refused(state: SandboxState, error: _LwaError) -> JSONResponse:
    headers = _headers(state)
    if error.error in _EXCEPTIONS:
        kind = "http://internal.amazon.com/coral/com.amazon.panda/"
        headers["x-amzn-ErrorType"] = f"{_EXCEPTIONS[error.error]}:{kind}"
    body = {
        "error_index": state.token("error", 16),
        "error_description": error.description,
        "error": error.error,
        "request_id": headers["x-amzn-RequestId"],
    }
    return JSONResponse(body, error.status, headers)


def _client(state: SandboxState, request: Request, given: dict[str, str]) -> AmazonApp:
    """The authenticated application, from the body or HTTP Basic."""
    client_id, secret = given.get("client_id", ""), given.get("client_secret", "")
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            text = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            text = ""
        client_id, _, secret = text.partition(":")
    for app in (state.settings.amazon_login, state.settings.amazon_seller):
        if app.client_id == client_id and is_secret(state, app, secret):
            return app
    raise _LwaError("invalid_client", status=401)


def _required(given: dict[str, str], name: str) -> str:
    if not given.get(name):
        raise _LwaError("invalid_request", _TEXTS["invalid_request"] + name)
    return given[name]


def _code_grant(state: SandboxState, app: AmazonApp, given: dict[str, str]) -> Document:
    code = _required(given, "code")
    grant = grants.spend_code(state, code, app.client_id)
    if grant is None:
        raise _LwaError("invalid_grant", _BAD_GRANT + "code")
    sent = given.get("redirect_uri", "")
    # A Seller Central code is bound to the URI it went to; Amazon lets the exchange leave it out.
    if sent != grant["redirect_uri"] and (sent or grant["kind"] == "login"):
        raise _LwaError("invalid_grant", _BAD_GRANT + "redirect_uri")
    if grant.get("code_challenge"):
        verifier = _required(given, "code_verifier")
        if grants.challenge_of(verifier) != grant["code_challenge"]:
            raise _LwaError("invalid_grant", _BAD_GRANT + "code_verifier")
    return grant


def _refresh_grant(state: SandboxState, app: AmazonApp, given: dict[str, str]) -> Document:
    grant = state.store.get(grants.REFRESH, _required(given, "refresh_token"))
    known = grant is not None and grant["client_id"] == app.client_id
    if grant is None or not known or grant["revoked"] or grants.is_over(state, grant):
        raise _LwaError("invalid_grant", _BAD_GRANT + "refresh_token")
    return {**grant, "authorised_until": grant["expires_at"]}


def _grantless(state: SandboxState, app: AmazonApp, given: dict[str, str]) -> dict[str, Any]:
    scope = _required(given, "scope")
    if scope not in GRANTLESS_SCOPES:
        raise _LwaError("invalid_scope")
    if app is not state.settings.amazon_seller:
        raise _LwaError("unauthorized_client")
    grant = {"client_id": app.client_id, "persona": None, "kind": "grantless", "scope": scope}
    return {
        "access_token": grants.issue_access(state, grant),
        "scope": scope,
        "token_type": "bearer",
        "expires_in": grants.ACCESS_SECONDS,
    }


def _answer(state: SandboxState, request: Request, given: dict[str, str]) -> dict[str, Any]:
    kind = given.get("grant_type", "")
    if kind not in {"authorization_code", "refresh_token", "client_credentials"}:
        raise _LwaError("unsupported_grant_type")
    app = _client(state, request, given)
    if kind == "client_credentials":
        return _grantless(state, app, given)
    find = _code_grant if kind == "authorization_code" else _refresh_grant
    grant = find(state, app, given)
    return {
        "access_token": grants.issue_access(state, grant),
        "refresh_token": grants.issue_refresh(state, grant),
        "token_type": "bearer",
        "expires_in": grants.ACCESS_SECONDS,
    }


def _unlucky_refusal(state: SandboxState, status: int) -> Response:
    """Login with Amazon out of order, or asking for patience."""
    if status == 429:
        return _refused(state, _LwaError("slow_down", "Too many requests", 429))
    return _refused(state, _LwaError("server_error", "The server encountered an error", 500))


def token_router(state: SandboxState) -> APIRouter:
    """Token endpoint and profile."""
    router = APIRouter()
    refuse = partial(_unlucky_refusal, state)

    async def token(request: Request) -> Response:
        form = await request.form()
        given = {name: str(value) for name, value in form.items()}
        try:
            return JSONResponse(_answer(state, request, given), headers=_headers(state))
        except _LwaError as error:
            return _refused(state, error)

    async def profile(request: Request) -> Response:
        try:
            return JSONResponse(_profile(state, request), headers=_headers(state))
        except _LwaError as error:
            return _refused(state, error)

    @router.post("/auth/o2/token")
    async def token_route(request: Request) -> Response:
        return await answered(state, request, TOKEN, partial(token, request), refuse)

    @router.get("/user/profile")
    async def profile_route(request: Request) -> Response:
        return await answered(state, request, PROFILE, partial(profile, request), refuse)

    return router


def _profile(state: SandboxState, request: Request) -> dict[str, str]:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token if scheme.lower() == "bearer" else request.headers.get("x-amz-access-token", "")
    grant = state.store.get(grants.ACCESS, token)
    if grant is None or grant["revoked"] or grants.is_over(state, grant):
        raise _LwaError("invalid_token", "Access token is invalid", 400)
    if grant["kind"] != "login":
        raise _LwaError("insufficient_scope", "Access denied", 403)
    person = everybody(state)[grant["persona"]]
    body = {"user_id": person.user_id}
    if "profile" in grant["scope"].split():
        body |= {"email": person.email, "name": person.name}
    return body
