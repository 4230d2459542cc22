"""Disconnect: the tokens go, jobs find nothing to work with; and what is connected."""

from integrations_backend.connections import queries
from integrations_backend.connections.models import SellerConnection
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
    """Forget the tokens of the vault's provider and say so."""
    async with transaction(sessions, tenant=user_id) as session:
        await tokens.forget(session, user_id=user_id)
        connection = await queries.of_user(session, user_id, tokens.provider, lock=True)
        if connection is not None:
            await set_status(session, connection, ConnectionStatus.NOT_CONNECTED, now=clock())


async def list_connections(sessions: Sessions, *, user_id: str) -> list[Connection]:
    """The state of the user's connections; what was never connected is said as well."""
    async with transaction(sessions, tenant=user_id) as session:
        known = {row.provider: row for row in await queries.all_of_user(session, user_id)}
    return [_shown(provider, known.get(provider.value)) for provider in Provider]


async def connection_of(sessions: Sessions, provider: Provider, *, user_id: str) -> Connection:
    """As `list_connections`, of one provider."""
    known = await list_connections(sessions, user_id=user_id)
    return next(one for one in known if one.provider is provider)


def _shown(provider: Provider, row: SellerConnection | None) -> Connection:
    if row is None:
        return Connection(provider=provider, status=ConnectionStatus.NOT_CONNECTED)
    return Connection(
        provider=provider, status=ConnectionStatus(row.status), account_id=row.account_id
    )
