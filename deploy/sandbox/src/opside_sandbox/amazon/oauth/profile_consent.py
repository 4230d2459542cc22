"""`/ap/oa`: a person lets an application read his Amazon profile (PKCE S256)."""

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from opside_sandbox.amazon import pages
from opside_sandbox.amazon.browser import sign_in
from opside_sandbox.amazon.oauth.grants import issue_code
from opside_sandbox.amazon.personas import everybody
from opside_sandbox.state import SandboxState

SCOPES = {"profile", "profile:user_id", "postal_code"}
_FIELDS = (
    "client_id", "scope", "response_type", "redirect_uri", "state",
    "code_challenge", "code_challenge_method",
)  # fmt: skip


def back_to(redirect_uri: str, answer: dict[str, str]) -> RedirectResponse:
    """302 to the application with an answer in the query."""
    joint = "&" if urlsplit(redirect_uri).query else "?"
    return RedirectResponse(
        f"{redirect_uri}{joint}{urlencode({k: v for k, v in answer.items() if v})}",
        status_code=302,
        headers={"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"},
    )


def _asked(source: Mapping[str, object]) -> dict[str, str]:
    return {name: str(source.get(name) or "") for name in _FIELDS}


def _refusal(state: SandboxState, asked: dict[str, str]) -> Response | None:
    """A page when the application cannot be trusted with an answer, else an OAuth error."""
    app = state.settings.amazon_login
    if asked["client_id"] != app.client_id:
        return pages.page("Error", pages.paragraph("Unknown client_id."), 400)
    if asked["redirect_uri"] not in app.redirect_uris:
        words = "redirect_uri is not one of the application's allowed return URLs."
        return pages.page("Error", pages.paragraph(words), 400)
    scopes = set(asked["scope"].split())
    error = ""
    if asked["response_type"] != "code":
        error = "unsupported_response_type"
    elif not scopes or not scopes <= SCOPES:
        error = "invalid_scope"
    elif asked["code_challenge"] and asked["code_challenge_method"] != "S256":
        error = "invalid_request"
    if not error:
        return None
    return back_to(asked["redirect_uri"], {"error": error, "state": asked["state"]})


def profile_consent_router(state: SandboxState) -> APIRouter:
    """The consent page and its form."""
    router = APIRouter()

    @router.get("/ap/oa")
    async def show(request: Request) -> Response:
        asked = _asked(request.query_params)
        if (refusal := _refusal(state, asked)) is not None:
            return refusal
        people = {one.key: f"{one.name} <{one.email}>" for one in everybody(state).values()}
        body = pages.form(
            "/ap/oa",
            asked,
            pages.select("persona", "Sign in as", people),
            {"allow": "Allow", "deny": "Cancel"},
        )
        return pages.page("Sign in with Amazon", body)

    @router.post("/ap/oa")
    async def decide(request: Request) -> Response:
        given = await request.form()
        asked = _asked(given)
        if (refusal := _refusal(state, asked)) is not None:
            return refusal
        if given.get("decision") != "allow":
            denied = {"error": "access_denied", "error_description": "Access not permitted."}
            return back_to(asked["redirect_uri"], {**denied, "state": asked["state"]})
        persona = everybody(state).get(str(given.get("persona")))
        if persona is None:
            return pages.page("Error", pages.paragraph("No such persona."), 400)
        grant = {
            "kind": "login",
            "client_id": asked["client_id"],
            "persona": persona.key,
            "scope": asked["scope"],
            "redirect_uri": asked["redirect_uri"],
            "code_challenge": asked["code_challenge"],
        }
        code = issue_code(state, grant, prefix="")
        answer = {"code": code, "scope": asked["scope"], "state": asked["state"]}
        response = back_to(asked["redirect_uri"], answer)
        sign_in(state, response, persona)
        return response

    return router
