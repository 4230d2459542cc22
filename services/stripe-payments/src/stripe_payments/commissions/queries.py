"""All SQL about commissions."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    SQLColumnExpression,
    cast,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from stripe_payments.commissions.models import Commission


def values_of(commission: Commission) -> dict[str, Any]:
    """What a new commission brings, by column; the database fills in the rest."""
    given = vars(commission)
    return {column: given[column] for column in _COLUMNS if given.get(column) is not None}


_COLUMNS = tuple(column.key for column in Commission.__table__.columns)


async def insert_commission(session: AsyncSession, commission: Commission) -> bool:
    """Insert it unless this recovery has one; False when it has."""
    statement = (
        insert(Commission)
        .values(values_of(commission))
        .on_conflict_do_nothing(index_elements=["user_id", "claim_id", "recovery_id"])
        .returning(Commission.id)
    )
    return (await session.execute(statement)).first() is not None


async def of_recovery(
    session: AsyncSession, *, user_id: str, claim_id: str, recovery_id: str
) -> Commission:
    """The commission of a recovery."""
    query = select(Commission).where(
        Commission.user_id == user_id,
        Commission.claim_id == claim_id,
        Commission.recovery_id == recovery_id,
    )
    return (await session.scalars(query)).one()


async def lock(session: AsyncSession, commission_id: str) -> Commission:
    """The commission, locked: every change of one row is put in order."""
    query = (
        select(Commission)
        .where(Commission.id == commission_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(query)).one()


async def lock_if_there(session: AsyncSession, commission_id: str) -> Commission | None:
    """The commission, locked, if this transaction's tenant may see it."""
    query = select(Commission).where(Commission.id == commission_id).with_for_update()
    return (await session.scalars(query)).one_or_none()


async def by_id(session: AsyncSession, commission_id: str) -> Commission | None:
    """The commission, if this transaction's tenant may see it."""
    return await session.get(Commission, commission_id)


async def by_intent(session: AsyncSession, intent_id: str) -> Commission | None:
    """The commission of an intent."""
    query = select(Commission).where(Commission.intent_id == intent_id)
    return (await session.scalars(query)).one_or_none()


async def id_of_object(session: AsyncSession, reference: str) -> str | None:
    """The id of the commission whose intent, charge or transfer this is."""
    query = select(Commission.id).where(
        or_(
            Commission.intent_id == reference,
            Commission.charge_id == reference,
            Commission.transfer_id == reference,
        )
    )
    return (await session.scalars(query)).first()


def _total(column: SQLColumnExpression[int]) -> ColumnElement[int]:
    """A sum as a whole number; Postgres adds bigints up to a numeric."""
    return cast(func.sum(column), BigInteger)


async def count_by_state(session: AsyncSession) -> Sequence[Any]:
    """Number and sums of commissions by currency, collection and state."""
    query = (
        select(
            Commission.currency,
            Commission.collection,
            Commission.state,
            func.count().label("number"),
            _total(Commission.amount_minor).label("recovered"),
            _total(Commission.fee_minor - Commission.fee_credited_minor).label("fee"),
            _total(Commission.collected_minor).label("collected"),
            _total(Commission.transferred_minor - Commission.reversed_minor).label("transferred"),
            _total(Commission.refunded_minor).label("refunded"),
        )
        .group_by(Commission.currency, Commission.collection, Commission.state)
        .order_by(Commission.currency, Commission.collection, Commission.state)
    )
    return (await session.execute(query)).all()


async def page_of_user(
    session: AsyncSession, *, user_id: str, before: str | None, limit: int
) -> list[Commission]:
    """A user's commissions, newest first, one more than asked."""
    query = select(Commission).where(Commission.user_id == user_id)
    if before is not None:
        query = query.where(Commission.id < before)
    return list(await session.scalars(query.order_by(Commission.id.desc()).limit(limit + 1)))


async def in_state(session: AsyncSession, *, user_id: str, states: list[str]) -> list[Commission]:
    """A user's commissions in some states."""
    query = select(Commission).where(Commission.user_id == user_id, Commission.state.in_(states))
    return list(await session.scalars(query))


async def overdue(session: AsyncSession, *, limit: int) -> list[Commission]:
    """Rows that should have come to rest by now."""
    query = (
        select(Commission)
        .where(Commission.deadline_at < func.now())
        .order_by(Commission.deadline_at)
        .limit(limit)
    )
    return list(await session.scalars(query))


async def postpone(session: AsyncSession, commission_id: str) -> None:
    """Look at an overdue row again after five minutes, not at every sweep."""
    await session.execute(
        update(Commission)
        .where(Commission.id == commission_id, Commission.deadline_at < func.now())
        .values(deadline_at=func.now() + timedelta(minutes=5))
    )
