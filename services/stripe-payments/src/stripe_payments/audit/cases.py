"""Ask a person to look at what no program may decide."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.ids import new_id
from opside_chassis.outbox import StagedJob
from stripe_payments.audit.models import HumanCase

LONGEST_REASON_CHARS = 500


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
    query = select(HumanCase.id).where(
        HumanCase.kind == kind, HumanCase.reference == reference, HumanCase.closed_at.is_(None)
    )
    if (await session.execute(query.limit(1))).first() is None:
        await open_case(session, kind=kind, reference=reference, reason=reason)


async def open_case_for_job(session: AsyncSession, job: StagedJob, error: str) -> None:
    """Called when a job is parked, in the same transaction."""
    await open_case(session, kind=f"parked:{job.kind}", reference=job.id, reason=error)
