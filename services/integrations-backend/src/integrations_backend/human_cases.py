"""Ask a person to look at what no program could finish."""

from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from integrations_backend.base import Base
from opside_chassis.ids import new_id
from opside_chassis.outbox import StagedJob

LONGEST_REASON_CHARS = 500


class HumanCase(Base):
    """Something a person must look at."""

    __tablename__ = "human_cases"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    reference: Mapped[str]
    reason: Mapped[str]
    opened_at: Mapped[datetime] = mapped_column(server_default=func.now())
    closed_at: Mapped[datetime | None]


async def open_case_for_job(session: AsyncSession, job: StagedJob, error: str) -> None:
    """Called when a job is parked, in the same transaction."""
    await _ask(session, kind=f"parked:{job.kind}", reference=job.id, reason=error)


async def open_case(session: AsyncSession, *, kind: str, reference: str, reason: str) -> None:
    """Open a case, unless one of this kind and reference is open; a `reference` names the seller."""
    query = select(HumanCase.id).where(
        HumanCase.kind == kind, HumanCase.reference == reference, HumanCase.closed_at.is_(None)
    )
    if (await session.scalars(query.limit(1))).first() is None:
        await _ask(session, kind=kind, reference=reference, reason=reason)


async def _ask(session: AsyncSession, *, kind: str, reference: str, reason: str) -> None:
    """Returns nothing of the row: who asks may not read what is asked (migration 0011)."""
    short = reason[:LONGEST_REASON_CHARS]
    values = {"id": new_id("hum"), "kind": kind, "reference": reference, "reason": short}
    await session.execute(insert(HumanCase).values(values))
