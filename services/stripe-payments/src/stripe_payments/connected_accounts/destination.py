"""Where a seller's share may be sent, if anywhere yet."""

from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.database import Sessions, transaction
from stripe_payments.connected_accounts import queries


async def destination_of(sessions: Sessions, user_id: str) -> str | None:
    """The seller's account once it can receive transfers."""
    async with transaction(sessions, tenant=user_id) as session:
        row = await queries.of_user(session, user_id)
    return row.account_id if row and row.transfers_active else None


async def owner_of(session: AsyncSession, account_id: str) -> str | None:
    """Whose account it is, in a transaction that sees every tenant."""
    return await queries.user_of(session, account_id)
