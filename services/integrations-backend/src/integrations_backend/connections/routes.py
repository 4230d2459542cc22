"""Connecting and disconnecting a selling account; what a browser asks, under /api and /api/v1."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import RedirectResponse

from integrations_backend.amazon_api.appstore import appstore_url
from integrations_backend.connections.connect import Connector, ConsentReturn
from integrations_backend.connections.consents import Visitor, start_consent, take_consent
from integrations_backend.connections.disconnect import disconnect, list_connections
from integrations_backend.dependencies import Runtime, runtime
from integrations_backend.vault.tokens import TokenVault
from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions
from opside_chassis.errors import Forbidden, OpsideError
from opside_chassis.service_token import ServiceIdentity
from opside_contracts import scopes
from opside_contracts.integrations.messages import (
    Connection,
    Provider,
    SellerConsent,
    StartSellerConsent,
)

router = APIRouter()
Member = Annotated[Caller, Depends(access.member())]
Parts = Annotated[Runtime, Depends(runtime)]
Binding = Annotated[str, Header(alias="X-Opside-Browser-Binding")]
GATEWAY = "main-api"
JSON = "application/json"


@router.post("/internal/amazon/consents", status_code=201)
async def begin_consent(
    request: StartSellerConsent,
    service: Annotated[ServiceIdentity, Depends(access.service_only(scopes.START_CONSENT))],
    parts: Parts,
) -> SellerConsent:
    """Open a consent attempt for a signed-in user."""
    if service.act_for != request.user_id:
        raise Forbidden("the request speaks of another user than the token")
    page_of = parts.amazon.consent_url
    if request.appstore is not None:
        page_of = partial(appstore_url, parts.settings, request.appstore)
    return await start_consent(
        parts.database.sessions,
        Provider.AMAZON,
        page_of,
        visitor=Visitor(request.user_id, request.browser_binding),
        clock=parts.clock,
    )


def visitor(caller: Member, binding: Binding = "") -> Visitor:
    """The user in his browser, which the gateway alone knows."""
    if caller.via != GATEWAY:
        raise Forbidden("a consent goes through the gateway only")
    return Visitor(caller.user_id, binding)


Visiting = Annotated[Visitor, Depends(visitor)]


@dataclass(frozen=True, slots=True)
class BrowserReturn:
    """What the provider sent back with the browser."""

    state: Annotated[str, Query(max_length=200)]
    code: Annotated[str, Query(max_length=2048)] = ""
    error: Annotated[str, Query(max_length=200)] = ""


class Consents(Protocol):
    """One provider's consents; `tokens` are those of the provider."""

    @property
    def sessions(self) -> Sessions: ...
    @property
    def tokens(self) -> TokenVault: ...
    @property
    def clock(self) -> Clock: ...

    async def connect(self, visitor: Visitor, *, state: str, code: str) -> None:
        """Spend the state, exchange the code, connect the account."""


async def back_to_dashboard(
    consents: Consents, visitor: Visitor, returned: BrowserReturn, *, app_url: str
) -> RedirectResponse:
    """Connect, or spend the state of a visit that ended in a no; the dashboard is told which."""
    provider = consents.tokens.provider
    outcome = "ok"
    try:
        if returned.error or not returned.code:
            await take_consent(
                consents.sessions, provider, returned.state, visitor=visitor, clock=consents.clock
            )
            outcome = "access_denied"
        else:
            await consents.connect(visitor, state=returned.state, code=returned.code)
    except OpsideError as refusal:
        outcome = refusal.code
    url = f"{app_url}/dashboard?connect={outcome}&provider={provider.value}"
    return RedirectResponse(url, 302, headers={"Referrer-Policy": "no-referrer"})


@router.get("/api/amazon/auth")
@router.get("/api/v1/amazon/auth")
async def begin_amazon_consent(who: Visiting, parts: Parts) -> SellerConsent:
    """Seller Central's consent page to go to; null where the account is connected already."""
    return await start_consent(
        parts.database.sessions,
        Provider.AMAZON,
        parts.amazon.consent_url,
        visitor=who,
        clock=parts.clock,
    )


@router.get("/api/amazon/callback", status_code=302, response_class=RedirectResponse)
@router.get("/api/v1/amazon/callback", status_code=302, response_class=RedirectResponse)
async def amazon_returns(
    who: Visiting,
    parts: Parts,
    state: Annotated[str, Query(max_length=200)],
    spapi_oauth_code: Annotated[str, Query(max_length=2048)],
    selling_partner_id: Annotated[str, Query(max_length=100)],
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> RedirectResponse:
    """Amazon's return, passed on by the gateway, which alone knows the browser.

    A browser is led to the dashboard, which says what came of it; a program that asks for JSON is told a
    refusal by its status, 409 for an account that is connected to somebody else.
    """
    connector = Connector(parts.database.sessions, parts.amazon, parts.tokens, parts.clock)
    returned = ConsentReturn(
        visitor=who,
        state=state,
        code=spapi_oauth_code,
        seller_id=selling_partner_id,
    )
    outcome = "ok"
    try:
        await connector.connect(returned)
    except OpsideError as error:
        if JSON in accept:
            raise
        outcome = error.code
    url = f"{parts.settings.app_url}/dashboard?connect={outcome}"
    return RedirectResponse(url, 302, headers={"Referrer-Policy": "no-referrer"})


@router.get("/api/connections")
@router.get("/api/v1/connections")
async def read_connections(caller: Member, parts: Parts) -> list[Connection]:
    """The state of the caller's connections."""
    return await list_connections(parts.database.sessions, user_id=caller.user_id)


@router.delete("/api/amazon/disconnect", status_code=204)
@router.delete("/api/v1/amazon/disconnect", status_code=204)
async def disconnect_amazon(caller: Member, parts: Parts) -> None:
    """Forget the seller's tokens and stop syncing.

    Amazon has no call to revoke them: the seller does that at Seller Central.
    """
    await disconnect(
        parts.database.sessions, parts.tokens, user_id=caller.user_id, clock=parts.clock
    )
