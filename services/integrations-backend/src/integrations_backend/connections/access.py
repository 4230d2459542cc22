"""What the domains above need to know of a seller's connection."""

from dataclasses import dataclass
from datetime import datetime

from integrations_backend.connections import queries
from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_contracts.integrations.messages import ConnectionStatus, Provider


@dataclass(frozen=True, slots=True)
class ConnectedSeller:
    """A seller whose Amazon account is connected."""

    user_id: str
    marketplace_id: str


async def connected_seller(sessions: Sessions, user_id: str) -> ConnectedSeller | None:
    """The seller, or None while he is not connected."""
    async with transaction(sessions, tenant=user_id) as session:
        row = await queries.of_user(session, user_id, Provider.AMAZON)
    if row is None or row.status != ConnectionStatus.CONNECTED.value or not row.marketplace_id:
        return None
    return ConnectedSeller(user_id, row.marketplace_id)


async def connected_since(sessions: Sessions, user_id: str) -> datetime | None:
    """When the seller's account was last connected; None while it is not."""
    async with transaction(sessions, tenant=user_id) as session:
        row = await queries.of_user(session, user_id, Provider.AMAZON)
    connected = row is not None and row.status == ConnectionStatus.CONNECTED.value
    return row.updated_at if row is not None and connected else None


async def connected_users(sessions: Sessions, provider: Provider) -> list[str]:
    """Everybody who is connected to a provider, for its regular sync."""
    async with transaction(sessions, tenant=EVERY_TENANT) as session:
        return await queries.connected_users(session, provider)


async def connected_after(
    sessions: Sessions, provider: Provider, *, after: str, limit: int
) -> list[str]:
    """So many of those who are connected to a provider, by user id, behind one of them."""
    async with transaction(sessions, tenant=EVERY_TENANT) as session:
        return await queries.connected_after(session, provider, after=after, limit=limit)
