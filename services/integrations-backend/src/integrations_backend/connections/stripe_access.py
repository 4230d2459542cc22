"""Call Stripe for a user: a good token, once more with a fresh one, and "reconnect" when there is none."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.connections import queries
from integrations_backend.connections.errors import NotConnectedYet, Reconnect
from integrations_backend.connections.state import mark_broken
from integrations_backend.grants import GrantRefused
from integrations_backend.stripe_oauth_api.errors import NoAccess, TokenRefused
from integrations_backend.stripe_oauth_api.gateway import StripeOAuth
from integrations_backend.vault.tokens import TokenVault
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_contracts.integrations.messages import ConnectionStatus, Provider

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StripeAccess:
    """Stripe's tokens of all users; `tokens` are those of Stripe."""

    sessions: Sessions
    stripe: StripeOAuth
    tokens: TokenVault
    clock: Clock

    async def account_id(self, user_id: str) -> str:
        """The linked account.

        Raises:
            NotConnectedYet: there is none.
            Reconnect: the grant does not hold any more.
        """
        async with transaction(self.sessions, tenant=user_id) as session:
            row = await queries.of_user(session, user_id, Provider.STRIPE)
        if row is None or row.status == ConnectionStatus.NOT_CONNECTED.value or not row.account_id:
            raise NotConnectedYet("connect your Stripe account first")
        if row.status != ConnectionStatus.CONNECTED.value:
            raise Reconnect("Stripe ended the access to your account: connect Stripe again")
        return row.account_id

    async def still_linked(self, session: AsyncSession, *, user_id: str, account_id: str) -> bool:
        """Whether this very account is connected, until the end of the caller's transaction."""
        row = await queries.of_user(session, user_id, Provider.STRIPE, lock=True)
        return (
            row is not None
            and row.status == ConnectionStatus.CONNECTED.value
            and row.account_id == account_id
        )

    async def call(self, user_id: str, ask: Callable[[str], Awaitable[T]]) -> T:
        """Ask with the stored token, and once more with a fresh one if Stripe refuses it.

        Raises:
            Reconnect: no token is good; the connection now says so.
        """
        try:
            token = await self.tokens.access_token(self.stripe, user_id=user_id)
            try:
                return await ask(token)
            except TokenRefused:
                fresh = await self.tokens.access_token(self.stripe, user_id=user_id, refused=token)
                return await ask(fresh)
        except (GrantRefused, TokenRefused, NoAccess) as error:
            async with transaction(self.sessions, tenant=user_id) as session:
                await mark_broken(session, Provider.STRIPE, user_id=user_id, now=self.clock())
            raise Reconnect(
                "Stripe ended the access to your account: connect Stripe again"
            ) from error
