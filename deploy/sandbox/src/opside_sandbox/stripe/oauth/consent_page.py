"""`GET /oauth/authorize`: the page on which the owner of an account lets a platform in."""

from collections.abc import Mapping
from html import escape
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from opside_sandbox.state import SandboxState
from opside_sandbox.stripe.oauth import grants, people
from opside_sandbox.stripe.pages import html
from opside_sandbox.stripe.world import World

_PASSED_ON = ("client_id", "redirect_uri", "response_type", "scope", "state")
_DECISIONS = {"allow": "Connect my Stripe account", "deny": "Cancel"}
_MEANING = {
    people.READ_ONLY: "It may look at your payments, and change nothing.",
    people.READ_WRITE: "It may look at your payments and act for you.",
}


def router(state: SandboxState) -> APIRouter:
    """The page and its form."""
    routes = APIRouter()

    @routes.get("/oauth/authorize")
    async def visit(request: Request) -> Response:
        asked = dict(request.query_params)
        return _refused(state, asked) or _form(World(state), asked)

    @routes.post("/oauth/authorize")
    async def decide(request: Request) -> Response:
        given = await html.posted(request)
        if wrong := _refused(state, given):
            return wrong
        if given.get("decision") == "deny":
            return _back(
                given, error="access_denied", error_description="The user denied your request"
            )
        email = given.get("email", "")
        if "@" not in email:
            return _form(World(state), given, error="Say who you are: an email address.")
        world = World(state)
        with state.store.transaction():
            account_id = people.person(world, email)["id"]
            code = grants.new_code(world, account_id, _scope(given))
        return _back(given, scope=_scope(given), code=code)

    return routes


def _scope(asked: Mapping[str, str]) -> str:
    return asked.get("scope") or people.READ_ONLY


def _redirect_uri(state: SandboxState, asked: Mapping[str, str]) -> str:
    return asked.get("redirect_uri") or state.settings.stripe_connect.redirect_uris[0]


def _refused(state: SandboxState, asked: Mapping[str, str]) -> Response | None:
    """Nobody is sent to an address that the platform did not register."""
    app = state.settings.stripe_connect
    if asked.get("client_id") != app.client_id:
        return _problem("No application matches the supplied client identifier")
    uri = _redirect_uri(state, asked)
    if uri not in app.redirect_uris:
        return _problem(
            f"Invalid redirect URI '{uri}'. Ensure this uri exactly matches one of the uris "
            "specified in your application settings"
        )
    registered = {**asked, "redirect_uri": uri}
    if asked.get("response_type") != "code":
        return _back(
            registered,
            error="unsupported_response_type",
            error_description="Only 'code' is supported as a response_type",
        )
    if _scope(asked) not in people.SCOPES:
        return _back(
            registered,
            error="invalid_scope",
            error_description=f"Invalid scope provided: {asked.get('scope')}",
        )
    return None


def _problem(text: str) -> Response:
    return JSONResponse({"error": {"message": text}}, 400)


def _back(asked: Mapping[str, str], **told: str) -> Response:
    state = {"state": asked["state"]} if asked.get("state") else {}
    uri = asked["redirect_uri"]
    glue = "&" if "?" in uri else "?"
    return RedirectResponse(f"{uri}{glue}{urlencode({**told, **state})}", 302)


def _form(world: World, asked: Mapping[str, str], *, error: str = "") -> Response:
    uri = _redirect_uri(world.state, asked)
    kept = {name: asked[name] for name in _PASSED_ON if asked.get(name)} | {"redirect_uri": uri}
    known = "".join(f"<li>{escape(one['email'])}</li>" for one in people.everybody(world))
    body = (
        html.problem(error)
        + f"<p>A platform wants to connect. {_MEANING[_scope(asked)]}</p>"
        + (f"<p>People with an account here:</p><ul>{known}</ul>" if known else "")
        + html.form(
            "/oauth/authorize",
            html.hidden(kept)
            + html.field("email", "Your email (an account is opened if you have none)")
            + html.choices("decision", _DECISIONS),
        )
    )
    return html.page("Connect your Stripe account", body, status=400 if error else 200)
