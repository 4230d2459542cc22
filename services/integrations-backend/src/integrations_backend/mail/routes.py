"""Connecting a mailbox, looking into it, and leaving it; all under /api and /api/v1."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from integrations_backend.connections.connect_gmail import MailConsents
from integrations_backend.connections.disconnect import connection_of
from integrations_backend.connections.errors import ProviderOff
from integrations_backend.connections.provider_access import MailAccess
from integrations_backend.connections.routes import BrowserReturn, Visiting, back_to_dashboard
from integrations_backend.dependencies import Runtime, runtime
from integrations_backend.mail.look import Mailbox, MailLine, MailProgress
from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.pagination import Page
from opside_chassis.wire import ApiModel, PlainText
from opside_contracts.integrations.messages import Connection, Provider, SellerConsent

MOST_MAILS = 50
"""Each costs 20 of the 6,000 quota units of a user's minute."""
LONGEST_SEARCH = 500

router = APIRouter()
Member = Annotated[Caller, Depends(access.member())]
Parts = Annotated[Runtime, Depends(runtime)]
Returned = Annotated[BrowserReturn, Depends()]


class MailQuery(BaseModel):
    """Which page of the mailbox; the cursor is Gmail's own."""

    limit: Annotated[int, Field(ge=1, le=MOST_MAILS)] = 20
    cursor: Annotated[str | None, Field(max_length=200)] = None


class MailSearch(MailQuery):
    """A search in Gmail's own words."""

    query: Annotated[str, Field(min_length=1, max_length=LONGEST_SEARCH)]


class MailReturn(ApiModel):
    """What Google sent back with the browser."""

    state: PlainText = Field(max_length=200)
    code: PlainText = Field(max_length=2048)


def consents(parts: Parts) -> MailConsents:
    """Raises `ProviderOff` where this installation has no client at Google."""
    if parts.gmail is None:
        raise ProviderOff("this installation reads no mail: GMAIL_CLIENT_ID is not set")
    tokens = parts.tokens.of(Provider.GMAIL)
    return MailConsents(parts.database.sessions, parts.gmail, tokens, parts.clock)


Consents = Annotated[MailConsents, Depends(consents)]


def mailbox(caller: Member, parts: Consents) -> Mailbox:
    """The caller's mailbox."""
    return Mailbox(
        MailAccess(parts.sessions, parts.gmail, parts.tokens, parts.clock), caller.user_id
    )


Box = Annotated[Mailbox, Depends(mailbox)]


@router.get("/api/gmail/auth")
@router.get("/api/v1/gmail/auth")
async def begin_mail_consent(who: Visiting, parts: Consents) -> SellerConsent:
    """Google's consent page to go to, for reading mail and nothing else."""
    return await parts.start(who)


@router.get("/api/gmail/callback", status_code=302, response_class=RedirectResponse)
@router.get("/api/v1/gmail/callback", status_code=302, response_class=RedirectResponse)
async def google_returns(
    who: Visiting, parts: Consents, returned: Returned, runtime_parts: Parts
) -> RedirectResponse:
    """Google's return in the browser, passed on by the gateway."""
    return await back_to_dashboard(parts, who, returned, app_url=runtime_parts.settings.app_url)


@router.post("/api/gmail/connect")
@router.post("/api/v1/gmail/connect")
async def connect_mailbox(who: Visiting, returned: MailReturn, parts: Consents) -> Connection:
    """The same return for a front end that took it from Google itself; refusals say why."""
    await parts.connect(who, state=returned.state, code=returned.code)
    return await connection_of(parts.sessions, Provider.GMAIL, user_id=who.user_id)


@router.delete("/api/gmail/disconnect", status_code=204)
@router.delete("/api/v1/gmail/disconnect", status_code=204)
async def disconnect_mailbox(caller: Member, parts: Consents) -> None:
    """Withdraw the grant at Google and forget the tokens; papers that were found stay."""
    await parts.disconnect(caller.user_id)


@router.get("/api/gmail/status")
@router.get("/api/v1/gmail/status")
async def mail_progress(box: Box) -> MailProgress:
    """How far the search for suppliers' papers is, and what Google has against it."""
    return await box.progress()


@router.get("/api/gmail/emails")
@router.get("/api/v1/gmail/emails")
async def read_emails(box: Box, page: Annotated[MailQuery, Query()]) -> Page[MailLine]:
    """The mailbox, newest first, without spam and bin."""
    return await box.find("", limit=page.limit, cursor=page.cursor)


@router.get("/api/gmail/search")
@router.get("/api/v1/gmail/search")
async def search_emails(box: Box, search: Annotated[MailSearch, Query()]) -> Page[MailLine]:
    """What Gmail's own search finds."""
    return await box.find(search.query, limit=search.limit, cursor=search.cursor)
