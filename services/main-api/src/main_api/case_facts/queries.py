"""All SQL about the facts of open cases."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from main_api.case_facts.facts import Facts
from main_api.case_facts.models import CaseFacts, CaseReading


async def note_reading(
    session: AsyncSession, *, user_id: str, read_at: datetime, complete: bool
) -> bool:
    """Note a reading, unless one that began later is known; until the commit others wait."""
    fresh = insert(CaseReading).values(user_id=user_id, read_at=read_at, complete=complete)
    statement = fresh.on_conflict_do_update(
        index_elements=["user_id"],
        set_={"read_at": fresh.excluded.read_at, "complete": fresh.excluded.complete},
        where=CaseReading.read_at < fresh.excluded.read_at,
    ).returning(CaseReading.user_id)
    return (await session.execute(statement)).first() is not None


async def replace_facts(session: AsyncSession, facts: Sequence[Facts], *, user_id: str) -> None:
    """These are the seller's open cases now."""
    await session.execute(delete(CaseFacts).where(CaseFacts.user_id == user_id))
    if facts:
        rows = [{"user_id": user_id, **asdict(one)} for one in facts]
        await session.execute(insert(CaseFacts), rows)


async def reading_of(session: AsyncSession, user_id: str) -> CaseReading | None:
    """When the seller's cases were last read."""
    return await session.get(CaseReading, user_id, populate_existing=True)


async def facts_of(
    session: AsyncSession, *, user_id: str, case_ids: Sequence[str] | None = None
) -> list[CaseFacts]:
    """The seller's open cases, the nearest deadline first."""
    query = select(CaseFacts).where(CaseFacts.user_id == user_id)
    if case_ids is not None:
        query = query.where(CaseFacts.case_id.in_(case_ids))
    return list(await session.scalars(query.order_by(CaseFacts.deadline, CaseFacts.case_id)))
