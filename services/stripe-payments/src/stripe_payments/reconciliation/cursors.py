"""All SQL about how far Stripe's events were read."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from stripe_payments.reconciliation.models import EventCursor

PLATFORM_ACCOUNT = ""


async def cursor_of(session: AsyncSession, account: str, *, first: datetime) -> datetime:
    """Until when the events of an account were read; `first` where nobody began."""
    await session.execute(
        insert(EventCursor).values(account=account, listed_until=first).on_conflict_do_nothing()
    )
    query = select(EventCursor.listed_until).where(EventCursor.account == account)
    return (await session.execute(query)).scalar_one()


async def advance(session: AsyncSession, account: str, *, until: datetime) -> None:
    """They were stored until then; a cursor never goes back."""
    statement = insert(EventCursor).values(account=account, listed_until=until)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["account"],
            set_={
                "listed_until": func.greatest(EventCursor.listed_until, until),
                "polled_at": func.now(),
            },
        )
    )


async def longest_unread(session: AsyncSession, *, limit: int) -> list[str]:
    """Connected accounts, the one that was read longest ago first."""
    query = (
        select(EventCursor.account)
        .where(EventCursor.account != PLATFORM_ACCOUNT)
        .order_by(EventCursor.polled_at)
        .limit(limit)
    )
    return list(await session.scalars(query))


async def touch(session: AsyncSession, account: str) -> None:
    """It was asked for and did not answer: the others come first the next time."""
    cursor = await session.get_one(EventCursor, account)
    cursor.polled_at = func.now()
    await session.flush()
