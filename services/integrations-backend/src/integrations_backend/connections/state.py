"""Change a connection's state, and tell main-api in the same transaction."""

from datetime import datetime

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.connections import queries
from integrations_backend.connections.models import SellerConnection
from integrations_backend.events import publish
from opside_contracts.events import ConnectionChanged
from opside_contracts.integrations.messages import ConnectionStatus, Provider


async def set_status(
    session: AsyncSession, connection: SellerConnection, status: ConnectionStatus, *, now: datetime
) -> None:
    """Store the status and stage the event about it."""
    connection.status = status.value
    connection.changes = (connection.changes or 0) + 1
    connection.updated_at = func.now()
    if status is ConnectionStatus.NOT_CONNECTED:
        connection.account_id = None
    session.add(connection)
    await session.flush()
    await publish(
        session,
        ConnectionChanged(
            event_id=f"connection:{connection.user_id}:{connection.provider}:{connection.changes}",
            occurred_at=now,
            user_id=connection.user_id,
            provider=Provider(connection.provider),
            status=status,
            account_id=connection.account_id,
        ),
    )


async def mark_broken(
    session: AsyncSession, provider: Provider, *, user_id: str, now: datetime
) -> None:
    """The grant was withdrawn: show "reconnect", never "connected"."""
    connection = await queries.of_user(session, user_id, provider, lock=True)
    if connection is not None and connection.status == ConnectionStatus.CONNECTED.value:
        await set_status(session, connection, ConnectionStatus.RECONNECT, now=now)
