"""All SQL about connected accounts."""

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from stripe_payments.connected_accounts.models import ConnectAccount
from stripe_payments.stripe_api.gateway import Account


async def ensure(session: AsyncSession, user_id: str, country: str) -> ConnectAccount:
    """The seller's row; made when there is none."""
    await session.execute(
        insert(ConnectAccount)
        .values(user_id=user_id, country=country)
        .on_conflict_do_nothing(index_elements=["user_id"])
    )
    return await session.get_one(ConnectAccount, user_id)


async def of_user(session: AsyncSession, user_id: str) -> ConnectAccount | None:
    """The seller's account."""
    return await session.get(ConnectAccount, user_id)


async def user_of(session: AsyncSession, account_id: str) -> str | None:
    """Whose account it is."""
    query = select(ConnectAccount.user_id).where(ConnectAccount.account_id == account_id)
    return (await session.scalars(query)).one_or_none()


async def keep(session: AsyncSession, user_id: str, account: Account) -> None:
    """Store what was fetched; the account of a seller never changes."""
    await session.execute(
        update(ConnectAccount)
        .where(
            ConnectAccount.user_id == user_id,
            func.coalesce(ConnectAccount.account_id, account.id) == account.id,
        )
        .values(
            account_id=account.id,
            charges_enabled=account.charges_enabled,
            payouts_enabled=account.payouts_enabled,
            details_submitted=account.details_submitted,
            transfers_active=account.transfers_active,
            requirements_due={"currently_due": list(account.requirements_due)},
            updated_at=func.now(),
        )
    )
