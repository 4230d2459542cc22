"""All SQL about breaks."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.ids import new_id
from stripe_payments.reconciliation.models import Break
from stripe_payments.reconciliation.rules import Difference

AGREED = "both sides agree again"


async def keep_difference(
    session: AsyncSession, found: Difference, *, cause: str, transaction_id: str | None
) -> None:
    """Open a break, or see the open one again."""
    values = {
        "cause": cause,
        "ours_minor": found.ours_minor,
        "theirs_minor": found.theirs_minor,
        "transaction_id": transaction_id,
    }
    await session.execute(
        insert(Break)
        .values(id=new_id("brk"), reference=found.reference, currency=found.currency, **values)
        .on_conflict_do_update(
            index_elements=["reference", "currency"],
            index_where=Break.closed_at.is_(None),
            set_={**values, "last_seen_at": func.now()},
        )
    )


async def open_references(session: AsyncSession) -> set[tuple[str, str]]:
    """Reference and currency of every open break."""
    query = select(Break.reference, Break.currency).where(Break.closed_at.is_(None))
    return {(row.reference, row.currency) for row in await session.execute(query)}


async def close_agreed(session: AsyncSession, reference: str, currency: str) -> None:
    """Both sides say the same now."""
    await session.execute(
        update(Break)
        .where(Break.reference == reference, Break.currency == currency, Break.closed_at.is_(None))
        .values(closed_at=func.now(), closed_by="reconciliation", closing_note=AGREED)
    )


async def close_by_person(session: AsyncSession, break_id: str, *, by: str, note: str) -> bool:
    """A person has dealt with it; False when it is closed already or unknown."""
    closed = await session.execute(
        update(Break)
        .where(Break.id == break_id, Break.closed_at.is_(None))
        .values(closed_at=func.now(), closed_by=by, closing_note=note)
        .returning(Break.id)
    )
    return closed.first() is not None


async def open_breaks(session: AsyncSession, *, seen_before: datetime, limit: int) -> list[Break]:
    """Open breaks that are older than what is merely on its way, oldest first."""
    query = (
        select(Break)
        .where(Break.closed_at.is_(None), Break.first_seen_at < seen_before)
        .order_by(Break.first_seen_at)
        .limit(limit)
    )
    return list(await session.scalars(query))


async def young_breaks(session: AsyncSession, *, seen_since: datetime) -> int:
    """How many open breaks may still close by themselves."""
    query = select(func.count()).where(Break.closed_at.is_(None), Break.first_seen_at >= seen_since)
    return (await session.execute(query)).scalar_one()


async def by_id(session: AsyncSession, break_id: str) -> Break | None:
    """One break."""
    return await session.get(Break, break_id)
