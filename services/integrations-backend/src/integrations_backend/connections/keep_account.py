"""Keep what a consent opened: tokens, connection, the event about it and the first job, in one go."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.connections import queries
from integrations_backend.connections.errors import AccountTaken
from integrations_backend.connections.models import SellerConnection
from integrations_backend.connections.state import set_status
from integrations_backend.grants import Grant
from integrations_backend.vault.tokens import TokenVault
from opside_chassis.clock import Clock
from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_contracts.integrations.messages import ConnectionStatus


@dataclass(frozen=True, slots=True)
class OpenedAccount:
    """A provider's account that a user let us into."""

    account_id: str
    grant: Grant
    begin: Callable[[AsyncSession, str], Awaitable[object]]
    """Stages the first job; told what names this connecting among all of the service."""


async def keep_account(
    sessions: Sessions, tokens: TokenVault, clock: Clock, *, user_id: str, opened: OpenedAccount
) -> None:
    """Connect the user with an account of the vault's provider.

    Raises:
        AccountTaken: another user has it.
    """
    provider = tokens.provider
    # Every tenant: whether somebody else has the account can only be seen that way.
    async with transaction(sessions, tenant=EVERY_TENANT) as session:
        owner = await queries.owner_of(session, opened.account_id, provider)
        if owner not in {None, user_id}:
            raise AccountTaken("this account is connected to another user")
        await tokens.keep(session, user_id=user_id, grant=opened.grant)
        connection = await queries.of_user(session, user_id, provider, lock=True)
        connection = connection or SellerConnection(user_id=user_id, provider=provider.value)
        connection.account_id = opened.account_id
        await set_status(session, connection, ConnectionStatus.CONNECTED, now=clock())
        await opened.begin(session, f"{user_id}:{connection.changes}")
