"""`POST /oauth/token` and `POST /oauth/deauthorize`, with OAuth's own errors."""

from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from opside_sandbox.state import SandboxState
from opside_sandbox.stripe import keys
from opside_sandbox.stripe.errors import Document, StripeError
from opside_sandbox.stripe.oauth import grants, people
from opside_sandbox.stripe.oauth.grants import OAuthError
from opside_sandbox.stripe.pages import html
from opside_sandbox.stripe.world import World

Act = Callable[[World, dict[str, str]], Document]


def router(state: SandboxState, wake: Callable[[], None]) -> APIRouter:
    """Both endpoints; `wake` since an account's coming and going is told to webhooks."""
    routes = APIRouter()

    async def answer(request: Request, act: Act) -> Response:
        world = World(state)
        given = await html.posted(request)
        try:
            _platform(world, request, given)
            found = _perform(world, act, given)
        except OAuthError as error:
            told = {"error": error.error, "error_description": error.description}
            return JSONResponse(told, error.status)
        finally:
            wake()
        return JSONResponse(found, headers={"Cache-Control": "no-store"})

    @routes.post("/oauth/token")
    async def token(request: Request) -> Response:
        return await answer(request, _token)

    @routes.post("/oauth/deauthorize")
    async def deauthorize(request: Request) -> Response:
        return await answer(request, _deauthorize)

    return routes


def _perform(world: World, act: Act, given: dict[str, str]) -> Document:
    """All of it or nothing, but for a refusal that is itself an effect."""
    refusal: OAuthError | None = None
    with world.state.store.transaction():
        try:
            found = act(world, given)
        except OAuthError as error:
            if not error.keeps_effects:
                raise
            refusal = error
    if refusal is not None:
        raise refusal
    return found


def _platform(world: World, request: Request, given: dict[str, str]) -> None:
    """The platform shows its secret key, in the header or as `client_secret`."""
    header = request.headers.get("authorization")
    if header is None and given.get("client_secret"):
        header = f"Bearer {given['client_secret']}"
    try:
        publishable = keys.publishable(header)
    except StripeError as error:
        raise OAuthError("invalid_client", error.message, 401) from None
    if publishable or people.key_row(world, keys.of(header)) is not None:
        raise OAuthError("invalid_client", "This API key is not that of a platform", 401)


def _token(world: World, given: dict[str, str]) -> Document:
    match given.get("grant_type"):
        case "authorization_code":
            return grants.spend_code(world, _needed(given, "code"))
        case "refresh_token":
            scope = given.get("scope") or None
            if scope not in {None, *people.SCOPES}:
                raise OAuthError("invalid_scope", f"Invalid scope provided: {scope}")
            return grants.refresh(world, _needed(given, "refresh_token"), scope)
        case None:
            raise OAuthError("invalid_request", "No grant type specified")
        case other:
            raise OAuthError("unsupported_grant_type", f"Unsupported grant type: {other}")


def _deauthorize(world: World, given: dict[str, str]) -> Document:
    client_id = _needed(given, "client_id")
    account_id = _needed(given, "stripe_user_id")
    if client_id != world.state.settings.stripe_connect.client_id:
        raise OAuthError("invalid_client", f"No such application: '{client_id}'", 401)
    if not grants.end(world, account_id):
        raise OAuthError(
            "invalid_client",
            f"This application is not connected to stripe account {account_id}, or that account "
            "does not exist.",
            401,
        )
    return {"stripe_user_id": account_id}


def _needed(given: dict[str, str], name: str) -> str:
    if not given.get(name):
        raise OAuthError("invalid_request", f"No {name.replace('_', ' ')} specified")
    return given[name]
