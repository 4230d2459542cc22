"""Call a provider for a user: a good token, once more with a fresh one, and "reconnect" without any."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.connections import queries
from integrations_backend.connections.errors import NotConnectedYet, Reconnect
from integrations_backend.connections.state import mark_broken
from integrations_backend.gmail_api.gateway import Gmail
from integrations_backend.grants import GrantRefused, NoAccess, Refresher, TokenRefused
from integrations_backend.stripe_oauth_api.gateway import StripeOAuth
from integrations_backend.vault.tokens import TokenVault
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_contracts.integrations.messages import ConnectionStatus, Provider

T = TypeVar("T")
Client = TypeVar("Client", bound=Refresher)
_CONNECT_FIRST = {
    Provider.GMAIL: "connect your Gmail account first",
    Provider.STRIPE: "connect your Stripe account first",
}
_ENDED = {
    Provider.GMAIL: "Google ended the access to your mail: connect Gmail again",
    Provider.STRIPE: "Stripe ended the access to your account: connect Stripe again",
}


@dataclass(frozen=True)  # no slots: Python 3.11 makes no generic ones by their alias
class ProviderAccess(Generic[Client]):
    """The client of one provider, and the tokens of all its users."""

    sessions: Sessions
    client: Client
    tokens: TokenVault
    clock: Clock

    async def account(self, user_id: str) -> str:
        """The connected account, as the provider names it.

        Raises:
            NotConnectedYet: there is none.
            Reconnect: the grant does not hold any more.
        """
        provider = self.tokens.provider
        async with transaction(self.sessions, tenant=user_id) as session:
            row = await queries.of_user(session, user_id, provider)
        if row is None or row.status == ConnectionStatus.NOT_CONNECTED.value or not row.account_id:
            raise NotConnectedYet(_CONNECT_FIRST[provider])
        if row.status != ConnectionStatus.CONNECTED.value:
            raise Reconnect(_ENDED[provider])
        return row.account_id

    async def still_linked(self, session: AsyncSession, *, user_id: str, account_id: str) -> bool:
        """Whether this very account is connected, until the end of the caller's transaction."""
        row = await queries.of_user(session, user_id, self.tokens.provider, lock=True)
        return (
            row is not None
            and row.status == ConnectionStatus.CONNECTED.value
            and row.account_id == account_id
        )

    async def call(self, user_id: str, ask: Callable[[str], Awaitable[T]]) -> T:
        """Ask with the stored token, and once more with a fresh one if the provider refuses it.

        Raises:
            Reconnect: no token is good; the connection now says so.
        """
        try:
            token = await self.tokens.access_token(self.client, user_id=user_id)
            try:
                return await ask(token)
            except TokenRefused:
                fresh = await self.tokens.access_token(self.client, user_id=user_id, refused=token)
                return await ask(fresh)
        except (GrantRefused, TokenRefused, NoAccess) as error:
            provider = self.tokens.provider
            async with transaction(self.sessions, tenant=user_id) as session:
                await mark_broken(session, provider, user_id=user_id, now=self.clock())
            raise Reconnect(_ENDED[provider]) from error


MailAccess = ProviderAccess[Gmail]
StripeAccess = ProviderAccess[StripeOAuth]
