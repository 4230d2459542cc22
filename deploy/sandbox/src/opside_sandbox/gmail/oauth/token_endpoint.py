"""`/token`, `/revoke` and userinfo, with Google's own errors."""

import base64
import binascii
import hmac
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from opside_sandbox.gmail.door import Asked, door
from opside_sandbox.gmail.oauth import grants, id_tokens
from opside_sandbox.gmail.oauth.scopes import OPENID
from opside_sandbox.gmail.people import everybody
from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document

_HEADERS = {"Cache-Control": "no-cache, no-store, max-age=0, must-revalidate", "Pragma": "no-cache"}
_DEAD = "Token has been expired or revoked."


class _OAuthError(Exception):
    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(error)
        self.error, self.description, self.status = error, description, status

    def response(self) -> JSONResponse:
        body = {"error": self.error, "error_description": self.description}
        return JSONResponse(body, self.status, _HEADERS)


def _required(form: dict[str, str], name: str) -> str:
    if not form.get(name):
        raise _OAuthError("invalid_request", f"Missing required parameter: {name}")
    return form[name]


def _authenticate(state: SandboxState, asked: Asked) -> str:
    """The client's id, from the body or HTTP Basic. Raises _OAuthError."""
    client_id, secret = asked.form.get("client_id", ""), asked.form.get("client_secret", "")
    scheme, _, encoded = asked.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            text = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            text = ""
        client_id, _, secret = text.partition(":")
    if not client_id:
        raise _OAuthError("invalid_request", "Could not determine client ID from request.")
    app = state.settings.gmail_app
    if client_id != app.client_id:
        raise _OAuthError("invalid_client", "The OAuth client was not found.", 401)
    if not secret:
        raise _OAuthError("invalid_request", "client_secret is missing.")
    if not hmac.compare_digest(app.client_secret.encode(), secret.encode()):
        raise _OAuthError("invalid_client", "Unauthorized", 401)
    return client_id


def _spend_code(state: SandboxState, asked: Asked, client_id: str) -> Document:
    """The grant of a code, once: any attempt of the right client uses it up."""
    code = _required(asked.form, "code")
    redirect_uri = _required(asked.form, "redirect_uri")
    if not code.startswith("4/"):
        raise _OAuthError("invalid_grant", "Malformed auth code.")
    grant = state.store.get(grants.CODES, code)
    if grant is None or grant["used"] or grant["client_id"] != client_id:
        raise _OAuthError("invalid_grant", "Bad Request")
    state.store.put(grants.CODES, code, {**grant, "used": True})
    if state.clock.now() >= datetime.fromisoformat(grant["expires_at"]):
        raise _OAuthError("invalid_grant", "Bad Request")
    if redirect_uri != grant["redirect_uri"]:
        raise _OAuthError("redirect_uri_mismatch", "Bad Request")
    _check_verifier(grant, asked.form.get("code_verifier", ""))
    return grant


def _check_verifier(grant: Document, verifier: str) -> None:
    challenge = grant["code_challenge"]
    if not challenge:
        if verifier:
            raise _OAuthError("invalid_grant", "code_verifier or verifier is not needed.")
        return
    if not verifier:
        raise _OAuthError("invalid_grant", "Missing code verifier.")
    if grants.challenge_of(verifier, grant["code_challenge_method"]) != challenge:
        raise _OAuthError("invalid_grant", "Invalid code verifier.")


def _from_code(state: SandboxState, asked: Asked, client_id: str) -> dict[str, Any]:
    grant = _spend_code(state, asked, client_id)
    answer = _answer(state, grant, grant["nonce"])
    if grant["refresh"]:
        answer |= _lifetime(state, refresh := grants.issue_refresh(state, grant))
        answer["refresh_token"] = refresh["token"]
    return answer


def _from_refresh(state: SandboxState, asked: Asked, client_id: str) -> dict[str, Any]:
    """A new access token; the answer holds no refresh token, the old one stays good."""
    refresh = state.store.get(grants.REFRESH, _required(asked.form, "refresh_token"))
    if refresh is None:
        raise _OAuthError("invalid_grant", "Bad Request")
    if refresh["client_id"] != client_id:
        raise _OAuthError("unauthorized_client", "Unauthorized", 401)
    if grants.is_dead(state, refresh):
        raise _OAuthError("invalid_grant", _DEAD)
    grants.use(state, refresh)
    return _answer(state, refresh, "") | _lifetime(state, refresh)


def _answer(state: SandboxState, grant: Document, nonce: str) -> dict[str, Any]:
    body = {
        "access_token": grants.issue_access(state, grant),
        "expires_in": grants.ACCESS_SECONDS,
        "scope": grants.scope_text(grant),
        "token_type": "Bearer",
    }
    person = everybody(state)[grant["persona"]]
    id_token = id_tokens.issue(state, person, grants.scopes_of(grant), nonce)
    return body | ({"id_token": id_token} if id_token else {})


def _lifetime(state: SandboxState, refresh: Document) -> dict[str, int]:
    left = grants.seconds_left(state, refresh)
    return {} if left is None else {"refresh_token_expires_in": left}


_GRANTS = {"authorization_code": _from_code, "refresh_token": _from_refresh}


def _token(state: SandboxState, asked: Asked) -> Response:
    try:
        kind = _required(asked.form, "grant_type")
        if kind not in _GRANTS:
            raise _OAuthError("unsupported_grant_type", f"Invalid grant_type: {kind}")  # noqa: TRY301
        client_id = _authenticate(state, asked)
        return JSONResponse(_GRANTS[kind](state, asked, client_id), headers=_HEADERS)
    except _OAuthError as error:
        return error.response()


def _revoke(state: SandboxState, asked: Asked) -> Response:
    """Any living token of a person ends his whole authorisation, as at Google."""
    token = asked.form.get("token") or dict(asked.query).get("token", "")
    found = state.store.get(grants.REFRESH, token) or state.store.get(grants.ACCESS, token)
    if not token:
        return _OAuthError("invalid_request", "Missing required parameter: token").response()
    if found is None or grants.is_dead(state, found):
        return _OAuthError("invalid_token", "Token expired or revoked").response()
    grants.withdraw(state, found["persona"])
    return JSONResponse({}, headers=_HEADERS)


def _userinfo(state: SandboxState, asked: Asked) -> Response:
    scheme, _, token = asked.headers.get("authorization", "").partition(" ")
    found = state.store.get(grants.ACCESS, token) if scheme.lower() == "bearer" else None
    if found is None or grants.is_dead(state, found):
        return _OAuthError("invalid_request", "Invalid Credentials", 401).response()
    if OPENID not in found["scopes"]:
        text = "Request had insufficient authentication scopes."
        return _OAuthError("insufficient_scope", text, 403).response()
    person = everybody(state)[found["persona"]]
    return JSONResponse(id_tokens.claims_of(person, grants.scopes_of(found)), headers=_HEADERS)


def token_router(state: SandboxState) -> APIRouter:
    """Token endpoint, revocation, userinfo and the keys of ID tokens."""
    router = APIRouter()

    def bound(operation: str, act: Any) -> Any:  # noqa: ANN401 (FastAPI reads no types here)
        return door(state, operation, lambda asked: act(state, asked))

    router.add_api_route("/token", bound("oauth2.token", _token), methods=["POST"])
    router.add_api_route("/revoke", bound("oauth2.revoke", _revoke), methods=["POST", "GET"])
    for path in ("/v1/userinfo", "/oauth2/v3/userinfo"):
        router.add_api_route(path, bound("oauth2.userinfo", _userinfo), methods=["GET", "POST"])

    @router.get("/oauth2/v3/certs")
    async def certs() -> JSONResponse:
        return JSONResponse(id_tokens.certificates(state))

    return router
