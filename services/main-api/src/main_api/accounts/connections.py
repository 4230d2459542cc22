"""Keep what integrations-backend tells of a user's connections."""

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.accounts import queries
from opside_contracts.events import ConnectionChanged
from opside_contracts.integrations.messages import ConnectionStatus, Provider


async def keep_connection(session: AsyncSession, event: ConnectionChanged) -> bool:
    """Store the state; an older event that arrives late changes nothing: False."""
    return await queries.keep_connection(session, event)


async def amazon_is_connected(session: AsyncSession, user_id: str) -> bool:
    """True when, as far as we were told, the user's selling account is connected."""
    return any(
        row.provider == Provider.AMAZON and row.status == ConnectionStatus.CONNECTED
        for row in await queries.connections_of(session, user_id)
    )
