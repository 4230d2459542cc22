"""Disconnect: the tokens go, jobs find nothing to work with."""

from integrations_backend.connections import queries
from integrations_backend.connections.state import set_status
from integrations_backend.vault.tokens import TokenVault
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_contracts.integrations.messages import (
    Connection,
    ConnectionStatus,
    Provider,
)


async def disconnect(sessions: Sessions, tokens: TokenVault, *, user_id: str, clock: Clock) -> None:
    """Forget the tokens and say so. Amazon has no call to revoke them: the seller does that there."""
    async with transaction(sessions, tenant=user_id) as session:
        await tokens.forget(session, user_id=user_id)
        connection = await queries.of_user(session, user_id, lock=True)
        if connection is not None:
            await set_status(session, connection, ConnectionStatus.NOT_CONNECTED, now=clock())


async def list_connections(sessions: Sessions, *, user_id: str) -> list[Connection]:
    """The state of the user's connections; what was never connected is said as well."""
    async with transaction(sessions, tenant=user_id) as session:
        amazon = await queries.of_user(session, user_id)
    return [
        Connection(
            provider=provider,
            status=ConnectionStatus(amazon.status)
            if amazon and provider is Provider.AMAZON
            else ConnectionStatus.NOT_CONNECTED,
            account_id=amazon.account_id if amazon and provider is Provider.AMAZON else None,
        )
        for provider in Provider
    ]
