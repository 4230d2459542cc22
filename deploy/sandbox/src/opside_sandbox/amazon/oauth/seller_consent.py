"""Seller Central's consent: a selling account lets an application use the SP-API."""

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from opside_sandbox.amazon import pages
from opside_sandbox.amazon.browser import sign_in, signed_in
from opside_sandbox.amazon.oauth.grants import issue_code
from opside_sandbox.amazon.oauth.profile_consent import back_to
from opside_sandbox.amazon.personas import Persona, everybody
from opside_sandbox.state import SandboxState

_FIELDS = ("application_id", "state", "redirect_uri", "version")
_VISITS = "amazon.appstore_visits"


def _error(text: str, status: int = 400) -> Response:
    return pages.page("Seller Central", pages.paragraph(text), status)


def _asked(source: Mapping[str, object]) -> dict[str, str]:
    return {name: str(source.get(name) or "") for name in _FIELDS}


def _refusal(state: SandboxState, asked: dict[str, str]) -> Response | None:
    """Nothing is ever sent to an address that is not registered."""
    app = state.settings.amazon_seller
    if asked["application_id"] != app.application_id:
        return _error("Unknown application_id.")
    if not asked["state"]:
        return _error("state is required.")
    if asked["redirect_uri"] and asked["redirect_uri"] not in app.redirect_uris:
        return _error("redirect_uri is not one of the application's OAuth redirect URIs.")
    if asked["version"] not in {"", "beta"}:
        return _error("version may only be beta.")
    return None


def granted(state: SandboxState, persona: Persona, asked: dict[str, str]) -> Response:
    """302 to the application with a one-use code for the selling account."""
    app = state.settings.amazon_seller
    redirect_uri = asked["redirect_uri"] or app.redirect_uris[0]
    grant = {
        "kind": "seller",
        "client_id": app.client_id,
        "persona": persona.key,
        "scope": "sellingpartnerapi",
        "redirect_uri": redirect_uri,
    }
    answer = {
        "state": asked["state"],
        "selling_partner_id": persona.seller_id,
        "spapi_oauth_code": issue_code(state, grant, prefix="AN"),
    }
    return back_to(redirect_uri, answer)


def _sellers(state: SandboxState) -> dict[str, str]:
    return {
        one.key: f"{one.store_name} ({one.store.name})"
        for one in everybody(state).values()
        if one.marketplace is not None
    }


def seller_consent_router(state: SandboxState) -> APIRouter:
    """Started in the application: consent page and its form."""
    router = APIRouter()

    @router.get("/apps/authorize/consent")
    async def show(request: Request) -> Response:
        asked = _asked(request.query_params)
        if (refusal := _refusal(state, asked)) is not None:
            return refusal
        person = signed_in(state, request)
        if person is not None and person.marketplace is None:
            return _error(f"{person.name} has no selling account.", 403)
        choice = pages.select(
            "persona", "Selling account", _sellers(state), person.key if person else ""
        )
        buttons = {"allow": "Authorize", "deny": "Cancel"}
        body = pages.form("/apps/authorize/consent", asked, choice, buttons)
        return pages.page("Authorize Opside", body)

    @router.post("/apps/authorize/consent")
    async def decide(request: Request) -> Response:
        given = await request.form()
        asked = _asked(given)
        if (refusal := _refusal(state, asked)) is not None:
            return refusal
        person = everybody(state).get(str(given.get("persona"))) or signed_in(state, request)
        if person is None:
            return _error("Sign in first.", 401)
        if person.marketplace is None:
            return _error(f"{person.name} has no selling account.", 403)
        if given.get("decision") != "allow":
            return _error("You did not authorize the application.")
        response = granted(state, person, asked)
        sign_in(state, response, person)
        return response

    return router


def appstore_router(state: SandboxState) -> APIRouter:
    """Started in Amazon's Appstore: out to the login URI, back through the callback URI."""
    router = APIRouter()

    @router.get("/apps/store/start")
    async def start(request: Request) -> Response:
        asked = request.query_params
        person = everybody(state).get(asked.get("persona", "")) or signed_in(state, request)
        if person is None or person.marketplace is None:
            return _error("Name a persona with a selling account.")
        login_uri = asked.get("login_uri", "")
        origins = {urlsplit(one)[:2] for one in state.settings.amazon_seller.redirect_uris}
        if urlsplit(login_uri)[:2] not in origins:
            return _error("login_uri must share the origin of a registered redirect URI.")
        visit = state.token("appstore", 32)
        state.store.put(_VISITS, visit, {"persona": person.key, "used": False})
        app_id = state.settings.amazon_seller.application_id
        query = {
            "amazon_callback_uri": f"{request.base_url}apps/authorize/confirm/{app_id}",
            "amazon_state": visit,
            "selling_partner_id": person.seller_id,
        }
        if asked.get("version") == "beta":
            query["version"] = "beta"
        response = RedirectResponse(f"{login_uri}?{urlencode(query)}", status_code=302)
        sign_in(state, response, person)
        return response

    @router.get("/apps/authorize/confirm/{application_id}")
    async def confirm(request: Request, application_id: str) -> Response:
        asked = {**_asked(request.query_params), "application_id": application_id}
        if (refusal := _refusal(state, asked)) is not None:
            return refusal
        visit_id = request.query_params.get("amazon_state", "")
        with state.store.transaction():
            visit = state.store.get(_VISITS, visit_id)
            if visit is None or visit["used"]:
                return _error("amazon_state is unknown or was used.")
            state.store.put(_VISITS, visit_id, {**visit, "used": True})
        return granted(state, everybody(state)[visit["persona"]], asked)

    return router
