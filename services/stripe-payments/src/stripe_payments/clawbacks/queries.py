"""All SQL about clawbacks."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from stripe_payments.clawbacks.models import Clawback
from stripe_payments.clawbacks.rules import AT_REST, UNFINISHED, Step


async def insert_clawback(session: AsyncSession, clawback: Clawback) -> bool:
    """Insert it unless this reversal is known; False when it is."""
    values = {
        column.key: getattr(clawback, column.key)
        for column in Clawback.__table__.columns
        if getattr(clawback, column.key) is not None
    }
    statement = (
        insert(Clawback)
        .values(values)
        .on_conflict_do_nothing(index_elements=["commission_id", "reversal_id"])
        .returning(Clawback.id)
    )
    return (await session.execute(statement)).first() is not None


async def of_reversal(session: AsyncSession, commission_id: str, reversal_id: str) -> Clawback:
    """The clawback of a reversal."""
    query = select(Clawback).where(
        Clawback.commission_id == commission_id, Clawback.reversal_id == reversal_id
    )
    return (await session.scalars(query)).one()


async def next_open(session: AsyncSession, commission_id: str) -> Clawback | None:
    """The oldest clawback of a commission that has something to do; those that wait come last."""
    resting = [step.value for step in AT_REST]
    query = (
        select(Clawback)
        .where(Clawback.commission_id == commission_id, Clawback.state.not_in(resting))
        .order_by(Clawback.state == Step.REFUND_PENDING.value, Clawback.id)
        .limit(1)
    )
    return (await session.scalars(query)).one_or_none()


async def has_unfinished(session: AsyncSession, commission_id: str) -> bool:
    """True while something is still to be given back."""
    unfinished = [step.value for step in UNFINISHED]
    query = select(Clawback.id).where(
        Clawback.commission_id == commission_id, Clawback.state.in_(unfinished)
    )
    return (await session.execute(query.limit(1))).first() is not None


async def lock(session: AsyncSession, clawback_id: str) -> Clawback:
    """The clawback, locked; its commission is locked before it, always."""
    query = (
        select(Clawback)
        .where(Clawback.id == clawback_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(query)).one()


async def by_id(session: AsyncSession, clawback_id: str) -> Clawback | None:
    """The clawback, if this transaction's tenant may see it."""
    return await session.get(Clawback, clawback_id)


async def by_refund(session: AsyncSession, refund_id: str) -> Clawback | None:
    """The clawback that a refund belongs to."""
    query = select(Clawback).where(Clawback.refund_id == refund_id)
    return (await session.scalars(query)).one_or_none()


async def of_commission(session: AsyncSession, commission_id: str) -> list[Clawback]:
    """All clawbacks of a commission, oldest first."""
    query = select(Clawback).where(Clawback.commission_id == commission_id).order_by(Clawback.id)
    return list(await session.scalars(query))
