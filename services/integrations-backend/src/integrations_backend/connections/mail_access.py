"""Call Gmail for a user: a good token, once more with a fresh one, and "reconnect" when there is none."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from integrations_backend.connections import queries
from integrations_backend.connections.errors import NotConnectedYet, Reconnect
from integrations_backend.connections.state import mark_broken
from integrations_backend.gmail_api.errors import TokenRefused
from integrations_backend.gmail_api.gateway import Gmail
from integrations_backend.grants import GrantRefused
from integrations_backend.vault.tokens import TokenVault
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_contracts.integrations.messages import ConnectionStatus, Provider

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MailAccess:
    """Google's tokens of all users."""

    sessions: Sessions
    gmail: Gmail
    tokens: TokenVault
    clock: Clock

    async def account(self, user_id: str) -> str:
        """The address of the connected mailbox.

        Raises:
            NotConnectedYet: there is none.
            Reconnect: the grant does not hold any more.
        """
        async with transaction(self.sessions, tenant=user_id) as session:
            row = await queries.of_user(session, user_id, Provider.GMAIL)
        if row is None or row.status == ConnectionStatus.NOT_CONNECTED.value or not row.account_id:
            raise NotConnectedYet("connect your Gmail account first")
        if row.status != ConnectionStatus.CONNECTED.value:
            raise Reconnect("Google ended the access to your mail: connect Gmail again")
        return row.account_id

    async def call(self, user_id: str, ask: Callable[[str], Awaitable[T]]) -> T:
        """Ask with the stored token, and once more with a fresh one if Google refuses it.

        Raises:
            Reconnect: no token is good; the connection now says so.
        """
        try:
            token = await self.tokens.access_token(self.gmail, user_id=user_id)
            try:
                return await ask(token)
            except TokenRefused:
                fresh = await self.tokens.access_token(self.gmail, user_id=user_id, refused=token)
                return await ask(fresh)
        except (GrantRefused, TokenRefused) as error:
            async with transaction(self.sessions, tenant=user_id) as session:
                await mark_broken(session, Provider.GMAIL, user_id=user_id, now=self.clock())
            raise Reconnect("Google ended the access to your mail: connect Gmail again") from error
