"""All SQL about recoveries and reversals."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from main_api.recoveries.models import Objection, Recovery, Reversal
from opside_contracts.events import CommissionChanged
from opside_contracts.payments.messages import CommissionAccepted


async def insert_recovery(session: AsyncSession, recovery: Recovery) -> bool:
    """Store it unless this reimbursement is known; False when it is."""
    values = {
        column.key: getattr(recovery, column.key)
        for column in Recovery.__table__.columns
        if getattr(recovery, column.key) is not None
    }
    statement = (
        insert(Recovery)
        .values(values)
        .on_conflict_do_nothing(index_elements=["user_id", "recovery_id"])
        .returning(Recovery.id)
    )
    return (await session.execute(statement)).first() is not None


async def find_recovery(
    session: AsyncSession, *, user_id: str, recovery_id: str, lock: bool = False
) -> Recovery | None:
    """The recovery of a reimbursement id."""
    query = select(Recovery).where(Recovery.user_id == user_id, Recovery.recovery_id == recovery_id)
    return (await session.scalars(query.with_for_update() if lock else query)).one_or_none()


async def recovery_by_id(
    session: AsyncSession, recovery_row_id: str, *, lock: bool = False
) -> Recovery | None:
    """The recovery by our own id."""
    return await session.get(Recovery, recovery_row_id, with_for_update=lock)


async def keep_accepted(
    session: AsyncSession, recovery_row_id: str, accepted: CommissionAccepted
) -> None:
    """Remember which commission was accepted for it; events tell the rest, and may have come first."""
    own = update(Recovery).where(Recovery.id == recovery_row_id)
    await session.execute(own.values(rate_bp=accepted.rate_bp))
    await session.execute(
        own.where(Recovery.transaction_id.is_(None)).values(
            transaction_id=accepted.transaction_id,
            fee_minor=accepted.platform_fee_cents,
            updated_at=func.now(),
        )
    )


async def keep_commission(session: AsyncSession, event: CommissionChanged) -> bool:
    """Take over a commission's state unless a later version is known; False when it is."""
    statement = (
        update(Recovery)
        .where(
            Recovery.user_id == event.user_id,
            Recovery.recovery_id == event.recovery_id,
            Recovery.commission_version < event.version,
        )
        .values(
            transaction_id=event.transaction_id,
            commission_status=event.status.value,
            commission_version=event.version,
            settled=event.settled,
            next_step=event.next_step.value,
            fee_minor=event.platform_fee_cents,
            collected_minor=event.collected_cents,
            transferred_minor=event.transferred_cents,
            refunded_minor=event.refunded_cents,
            payment_intent_id=event.payment_intent_id,
            failure_reason=event.failure_reason,
            updated_at=func.now(),
        )
        .returning(Recovery.id)
    )
    return (await session.execute(statement)).first() is not None


async def insert_reversal(session: AsyncSession, reversal: Reversal) -> bool:
    """Store it unless it is known; False when it is."""
    statement = (
        insert(Reversal)
        .values(
            user_id=reversal.user_id,
            reversal_id=reversal.reversal_id,
            recovery_id=reversal.recovery_id,
            amount_minor=reversal.amount_minor,
            currency=reversal.currency,
            reversed_at=reversal.reversed_at,
        )
        .on_conflict_do_nothing()
        .returning(Reversal.reversal_id)
    )
    return (await session.execute(statement)).first() is not None


async def find_reversal(
    session: AsyncSession, *, user_id: str, reversal_id: str
) -> Reversal | None:
    """A stored reversal."""
    return await session.get(Reversal, (user_id, reversal_id))


async def recoveries_page(
    session: AsyncSession, *, user_id: str, before: str | None, limit: int
) -> list[Recovery]:
    """The user's recoveries, newest first, one more than asked to see whether there are more."""
    query = select(Recovery).where(Recovery.user_id == user_id)
    if before is not None:
        query = query.where(Recovery.id < before)
    return list(await session.scalars(query.order_by(Recovery.id.desc()).limit(limit + 1)))


async def recoveries_between(
    session: AsyncSession, *, user_id: str, start: datetime, end: datetime
) -> list[Recovery]:
    """The user's recoveries that Amazon approved in a span of time, oldest first."""
    query = (
        select(Recovery)
        .where(
            Recovery.user_id == user_id,
            Recovery.approved_at >= start,
            Recovery.approved_at < end,
        )
        .order_by(Recovery.approved_at, Recovery.id)
    )
    return list(await session.scalars(query))


async def find_objection(session: AsyncSession, recovery_row_id: str) -> Objection | None:
    """The seller's objection to the fee on a recovery."""
    return await session.get(Objection, recovery_row_id)


async def objection_of(
    session: AsyncSession, recovery_row_id: str
) -> tuple[Objection, Recovery] | None:
    """An objection with its recovery, both locked until the transaction ends."""
    query = (
        select(Objection, Recovery)
        .join(Recovery, Recovery.id == Objection.recovery_row_id)
        .where(Objection.recovery_row_id == recovery_row_id)
        .with_for_update()
    )
    found = (await session.execute(query)).one_or_none()
    return (found[0], found[1]) if found else None


async def objections_to(
    session: AsyncSession, recovery_row_ids: Sequence[str]
) -> dict[str, Objection]:
    """The objections to these recoveries, by recovery."""
    query = select(Objection).where(Objection.recovery_row_id.in_(recovery_row_ids))
    return {one.recovery_row_id: one for one in await session.scalars(query)}


async def open_objections(
    session: AsyncSession, *, after: str | None, limit: int
) -> list[tuple[Objection, Recovery]]:
    """Undecided objections of all sellers, oldest recovery first, one more than asked for."""
    query = (
        select(Objection, Recovery)
        .join(Recovery, Recovery.id == Objection.recovery_row_id)
        .where(Objection.outcome.is_(None))
        .order_by(Objection.recovery_row_id)
        .limit(limit + 1)
    )
    if after is not None:
        query = query.where(Objection.recovery_row_id > after)
    return [(row[0], row[1]) for row in await session.execute(query)]


async def paid_for_case_of(
    session: AsyncSession, *, user_id: str, recovery_id: str
) -> Row[str, str, int, int, int, str | None, datetime] | None:
    """Sums over all reimbursements of the case that this one answers, in its currency."""
    told = (
        select(Recovery.case_id, Recovery.currency)
        .where(Recovery.user_id == user_id, Recovery.recovery_id == recovery_id)
        .subquery()
    )
    query = (
        select(
            Recovery.case_id,
            Recovery.currency,
            func.sum(Recovery.amount_minor).label("paid_minor"),
            func.sum(Recovery.reversed_minor).label("reversed_minor"),
            func.sum(Recovery.quantity).label("units"),
            func.max(Recovery.amazon_case_id).label("amazon_case_id"),
            func.min(Recovery.approved_at).label("approved_at"),
        )
        .join(
            told,
            (told.c.case_id == Recovery.case_id) & (told.c.currency == Recovery.currency),
        )
        .where(Recovery.user_id == user_id)
        .group_by(Recovery.case_id, Recovery.currency)
    )
    return (await session.execute(query)).one_or_none()
