"""Linking a Stripe account, looking into it, and leaving it; all under /api and /api/v1."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import RedirectResponse

from integrations_backend.connections.connect_stripe import StripeConsents
from integrations_backend.connections.disconnect import connection_of
from integrations_backend.connections.errors import ProviderOff
from integrations_backend.connections.provider_access import StripeAccess
from integrations_backend.connections.routes import BrowserReturn, Visiting, back_to_dashboard
from integrations_backend.dependencies import Runtime, runtime
from integrations_backend.stripe_transactions.look import (
    list_transactions,
    read_account,
    read_transaction,
)
from integrations_backend.stripe_transactions.schemas import (
    AccountView,
    StripeReturn,
    TransactionView,
)
from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.pagination import Page, PageQuery
from opside_contracts.integrations.messages import Connection, Provider, SellerConsent

_stripe = APIRouter(prefix="/stripe")
Member = Annotated[Caller, Depends(access.member())]
Parts = Annotated[Runtime, Depends(runtime)]
Returned = Annotated[BrowserReturn, Depends()]


class TransactionQuery(PageQuery):
    """Which movements."""

    case_id: Annotated[str | None, Query(alias="caseId", max_length=100)] = None


def stripe_access(parts: Parts) -> StripeAccess:
    """Raises `ProviderOff` where this installation has no client at Stripe Connect."""
    if parts.stripe is None:
        raise ProviderOff("this installation links no Stripe accounts: STRIPE_CLIENT_ID is not set")
    tokens = parts.tokens.of(Provider.STRIPE)
    return StripeAccess(parts.database.sessions, parts.stripe, tokens, parts.clock)


Access = Annotated[StripeAccess, Depends(stripe_access)]


def consents(parts: Access) -> StripeConsents:
    """Linking and leaving."""
    return StripeConsents(parts.sessions, parts.client, parts.tokens, parts.clock)


Consents = Annotated[StripeConsents, Depends(consents)]


@_stripe.get("/auth")
async def begin_stripe_consent(who: Visiting, parts: Consents) -> SellerConsent:
    """Stripe's consent page to go to, for reading and nothing else."""
    return await parts.start(who)


@_stripe.get("/callback", status_code=302, response_class=RedirectResponse)
async def stripe_returns(
    who: Visiting, parts: Consents, returned: Returned, runtime_parts: Parts
) -> RedirectResponse:
    """Stripe's return in the browser, passed on by the gateway."""
    return await back_to_dashboard(parts, who, returned, app_url=runtime_parts.settings.app_url)


@_stripe.post("/connect")
async def connect_stripe(who: Visiting, returned: StripeReturn, parts: Consents) -> Connection:
    """The same return for a front end that took it from Stripe itself; refusals say why."""
    await parts.connect(who, state=returned.state, code=returned.code)
    return await connection_of(parts.sessions, Provider.STRIPE, user_id=who.user_id)


@_stripe.delete("/disconnect", status_code=204)
async def disconnect_stripe(caller: Member, parts: Consents) -> None:
    """Forget the tokens, and have Stripe end our access; what was recorded stays."""
    await parts.disconnect(caller.user_id)


@_stripe.get("/account")
async def read_stripe_account(caller: Member, parts: Access) -> AccountView:
    """The linked account as Stripe shows it now."""
    return await read_account(parts, user_id=caller.user_id)


@_stripe.get("/transactions")
async def read_stripe_transactions(
    caller: Member, parts: Parts, query: Annotated[TransactionQuery, Query()]
) -> Page[TransactionView]:
    """What moved in the linked account, as recorded, newest first; `caseId` filters."""
    return await list_transactions(
        parts.database.sessions,
        user_id=caller.user_id,
        page=query,
        case_id=query.case_id,
        clock=parts.clock,
    )


@_stripe.get("/transactions/{transaction_id}")
async def read_stripe_transaction(
    transaction_id: str, caller: Member, parts: Parts
) -> TransactionView:
    """One movement; another seller's answers 404."""
    return await read_transaction(
        parts.database.sessions,
        user_id=caller.user_id,
        transaction_id=transaction_id,
        clock=parts.clock,
    )


router = APIRouter()
router.include_router(_stripe, prefix="/api")
router.include_router(_stripe, prefix="/api/v1")
