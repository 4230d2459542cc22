"""`/o/oauth2/v2/auth`: a person lets the application read his mail."""

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from opside_sandbox.gmail.oauth import grants, pages, scopes
from opside_sandbox.gmail.people import Account, everybody
from opside_sandbox.state import SandboxState

_FIELDS = (
    "client_id", "redirect_uri", "response_type", "scope", "state", "access_type", "prompt",
    "include_granted_scopes", "login_hint", "nonce", "code_challenge", "code_challenge_method",
)  # fmt: skip
_PROMPTS = {"none", "consent", "select_account"}


def _asked(source: Mapping[str, object]) -> dict[str, str]:
    return {name: str(source.get(name) or "") for name in _FIELDS}


def _refusal(state: SandboxState, asked: dict[str, str]) -> Response | None:
    """Google shows every fault of the request on a page of its own, and sends nobody back."""
    app = state.settings.gmail_app
    if asked["client_id"] != app.client_id:
        return pages.error(401, "invalid_client", "The OAuth client was not found.")
    if asked["redirect_uri"] not in app.redirect_uris:
        text = "You can't sign in because this app sent an invalid request: redirect_uri."
        return pages.error(400, "redirect_uri_mismatch", text)
    if scopes.read(asked["scope"]) is None:
        text = f"Some requested scopes were invalid or missing: {asked['scope'] or 'none given'}"
        return pages.error(400, "invalid_scope", text)
    wrong = _wrong_parameter(asked)
    return pages.error(400, "invalid_request", wrong) if wrong else None


def _wrong_parameter(asked: dict[str, str]) -> str:
    prompts = set(asked["prompt"].split())
    if asked["response_type"] != "code":
        return f"Invalid response_type: {asked['response_type'] or 'missing'}"
    if asked["access_type"] not in {"", "online", "offline"}:
        return f"Invalid parameter value for access_type: {asked['access_type']}"
    if not prompts <= _PROMPTS or ("none" in prompts and len(prompts) > 1):
        return f"Invalid parameter value for prompt: {asked['prompt']}"
    if asked["code_challenge_method"] not in {"", "plain", "S256"}:
        return f"Invalid code_challenge_method: {asked['code_challenge_method']}"
    if asked["code_challenge"] and not 43 <= len(asked["code_challenge"]) <= 128:
        return "Invalid code_challenge: it has 43 to 128 characters"
    return ""


def _back(asked: dict[str, str], answer: dict[str, str]) -> Response:
    """302 to the application; `state` comes back as it was."""
    joint = "&" if urlsplit(asked["redirect_uri"]).query else "?"
    query = {**({"state": asked["state"]} if asked["state"] else {}), **answer}
    return RedirectResponse(
        f"{asked['redirect_uri']}{joint}{urlencode(query)}",
        status_code=302,
        headers={"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"},
    )


def _granted(asked: dict[str, str], ticked: set[str]) -> frozenset[str]:
    """What the person agreed to: the sign-in scopes, and the boxes he ticked."""
    wanted = scopes.read(asked["scope"]) or frozenset()
    return wanted - (set(scopes.optional(wanted)) - ticked)


def _allow(
    state: SandboxState, asked: dict[str, str], person: Account, agreed: frozenset[str]
) -> Response:
    """Give a code. It brings a refresh token only with a consent to offline access.

    Google asks for consent where `prompt` says so, or where something new is asked for.
    """
    client = asked["client_id"]
    before = grants.authorisation(state, client, person.key) or {"scopes": [], "offline": False}
    offline = asked["access_type"] == "offline"
    is_new = not agreed <= set(before["scopes"]) or (offline and not before["offline"])
    consents = "consent" in asked["prompt"].split() or is_new
    given = agreed
    if asked["include_granted_scopes"] == "true":
        given |= set(before["scopes"])
    grants.authorise(state, client, person.key, agreed, offline=offline)
    code = grants.issue_code(
        state,
        {
            "client_id": client,
            "persona": person.key,
            "scopes": sorted(given),
            "redirect_uri": asked["redirect_uri"],
            "refresh": offline and consents,
            "nonce": asked["nonce"],
            "code_challenge": asked["code_challenge"],
            "code_challenge_method": asked["code_challenge_method"],
        },
    )
    prompt = "consent" if consents else "none"
    answer = {"code": code, "scope": scopes.written(given), "authuser": "0", "prompt": prompt}
    return _back(asked, answer)


def consent_router(state: SandboxState) -> APIRouter:
    """The consent page and its form."""
    router = APIRouter()

    @router.get("/o/oauth2/v2/auth")
    async def show(request: Request) -> Response:
        asked = _asked(request.query_params)
        if (refusal := _refusal(state, asked)) is not None:
            return refusal
        if asked["prompt"] == "none":
            # Nobody is signed in at the stand-in, so nothing can be given without a page.
            return _back(asked, {"error": "interaction_required"})
        people = everybody(state)
        wanted = scopes.read(asked["scope"]) or frozenset()
        boxes = scopes.optional(wanted)
        return pages.consent(
            asked,
            {one.key: f"{one.name} <{one.email}>" for one in people.values()},
            boxes,
            sorted(wanted - set(boxes)),
            next((one.key for one in people.values() if one.email == asked["login_hint"]), ""),
        )

    @router.post("/o/oauth2/v2/auth")
    async def decide(request: Request) -> Response:
        given = await request.form()
        asked = _asked(given)
        if (refusal := _refusal(state, asked)) is not None:
            return refusal
        person = everybody(state).get(str(given.get("persona")))
        if person is None:
            return pages.error(400, "invalid_request", "Couldn't find that Google Account.")
        agreed = _granted(asked, {str(one) for one in given.getlist("granted")})
        if given.get("decision") != "allow" or not agreed:
            return _back(asked, {"error": "access_denied"})
        with state.store.transaction():
            return _allow(state, asked, person, agreed)

    return router
