"""A seller's account changed at Stripe."""

from sqlalchemy.ext.asyncio import AsyncSession

from stripe_payments.connected_accounts import queries
from stripe_payments.stripe_api.gateway import Account


async def account_changed(session: AsyncSession, account: Account) -> str | None:
    """Store the fetched account; whose it is, or None when it is not ours."""
    user_id = await queries.user_of(session, account.id)
    if user_id is not None:
        await queries.keep(session, user_id, account)
    return user_id
