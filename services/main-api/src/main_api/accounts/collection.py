"""How a seller's fees are collected (ruling R3)."""

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.accounts import queries
from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.errors import NotFound
from opside_contracts.payments.messages import Collection


async def set_collection(sessions: Sessions, *, user_id: str, mode: Collection | None) -> None:
    """Set the seller's own mode, or None for the default. Ordered by an admin.

    Raises:
        NotFound: there is no such user.
    """
    async with transaction(sessions, tenant=EVERY_TENANT) as session:
        if not await queries.change_collection(session, user_id, mode and mode.value):
            raise NotFound("there is no such user")


async def collection_of(session: AsyncSession, user_id: str, default: Collection) -> Collection:
    """The seller's mode, or the default."""
    user = await queries.user_by_id(session, user_id)
    return Collection(user.collection_mode) if user and user.collection_mode else default
