"""Ask a person to look at what no program may decide."""

from datetime import UTC, datetime

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.ids import new_id
from opside_chassis.outbox import StagedJob
from stripe_payments.audit.models import HumanCase

__all__ = [
    "DISPUTE",
    "HumanCase",
    "case_is_open",
    "close_cases",
    "close_dispute",
    "note_person",
    "open_case",
    "open_case_for_job",
    "open_case_once",
    "open_cases",
    "resolve_case",
]

LONGEST_REASON_CHARS = 500
DISPUTE = "dispute"
"""A payer disputes a charge: while such a case is open nothing of it is sent on."""


async def open_case(session: AsyncSession, *, kind: str, reference: str, reason: str) -> None:
    """Open a case in the caller's transaction."""
    session.add(
        HumanCase(
            id=new_id("hum"), kind=kind, reference=reference, reason=reason[:LONGEST_REASON_CHARS]
        )
    )
    await session.flush()


async def open_case_once(session: AsyncSession, *, kind: str, reference: str, reason: str) -> None:
    """Open a case unless one of this kind about this reference is open."""
    if not await case_is_open(session, kind=kind, reference=reference):
        await open_case(session, kind=kind, reference=reference, reason=reason)


async def case_is_open(session: AsyncSession, *, kind: str, reference: str) -> bool:
    """Whether a person has still to look at this."""
    query = select(HumanCase.id).where(
        HumanCase.kind == kind, HumanCase.reference == reference, HumanCase.closed_at.is_(None)
    )
    return (await session.execute(query.limit(1))).first() is not None


async def note_person(
    session: AsyncSession, *, kind: str, reference: str, by: str, note: str
) -> None:
    """Remember what a person ordered, and why: a case that is closed as it is opened."""
    session.add(
        HumanCase(
            id=new_id("hum"),
            kind=kind,
            reference=reference,
            reason=f"{by}: {note}"[:LONGEST_REASON_CHARS],
            closed_at=datetime.now(UTC),
        )
    )
    await session.flush()


async def open_cases(session: AsyncSession, *, limit: int) -> list[HumanCase]:
    """What waits for a person, oldest first."""
    query = (
        select(HumanCase)
        .where(HumanCase.closed_at.is_(None))
        .order_by(HumanCase.opened_at)
        .limit(limit)
    )
    return list(await session.scalars(query))


async def close_cases(session: AsyncSession, *, reference: str) -> None:
    """What they asked for was done."""
    await session.execute(
        update(HumanCase)
        .where(HumanCase.reference == reference, HumanCase.closed_at.is_(None))
        .values(closed_at=func.now())
    )


async def resolve_case(
    session: AsyncSession, case_id: str, *, by: str, note: str
) -> HumanCase | None:
    """A person dealt with it; None when it is closed already or unknown."""
    closed = await session.scalars(
        update(HumanCase)
        .where(HumanCase.id == case_id, HumanCase.closed_at.is_(None))
        .values(closed_at=func.now(), closed_by=by, closing_note=note)
        .returning(HumanCase)
    )
    return closed.one_or_none()


async def close_dispute(session: AsyncSession, commission_id: str) -> None:
    """It ended without taking money; the worker may close no other case."""
    await session.execute(text("SELECT close_dispute(:id)"), {"id": commission_id})


async def open_case_for_job(session: AsyncSession, job: StagedJob, error: str) -> None:
    """Called when a job is parked, in the same transaction."""
    await open_case(session, kind=f"parked:{job.kind}", reference=job.id, reason=error)
