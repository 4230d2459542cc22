"""All SQL about filings, their evidence and calendar feeds."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from main_api.filings.models import CalendarFeed, Filing, FilingAudit, FilingEvidence
from main_api.filings.rules import UNFILED


async def insert_filings(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Store drafts for cases that have none; answers the case ids of the new ones."""
    if not rows:
        return set()
    statement = (
        insert(Filing)
        .on_conflict_do_nothing(index_elements=["user_id", "case_id"])
        .returning(Filing.case_id)
    )
    return set(await session.scalars(statement, list(rows)))


async def filing_by_id(
    session: AsyncSession, *, user_id: str, filing_id: str, lock: bool = False
) -> Filing | None:
    """One of the seller's filings."""
    query = select(Filing).where(Filing.user_id == user_id, Filing.id == filing_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(query)).one_or_none()


async def filings_by_ids(
    session: AsyncSession, *, user_id: str, filing_ids: Sequence[str]
) -> list[Filing]:
    """Those of these filings that are the seller's."""
    query = select(Filing).where(Filing.user_id == user_id, Filing.id.in_(filing_ids))
    return list(await session.scalars(query))


async def filings_of_cases(
    session: AsyncSession, *, user_id: str, case_ids: Sequence[str], lock: bool = False
) -> list[Filing]:
    """The filings of these cases."""
    query = select(Filing).where(Filing.user_id == user_id, Filing.case_id.in_(case_ids))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return list(await session.scalars(query.order_by(Filing.id)))


async def filings_page(
    session: AsyncSession, *, user_id: str, state: str | None, before: str | None, limit: int
) -> list[Filing]:
    """The seller's filings, newest first, one more than asked."""
    query = select(Filing).where(Filing.user_id == user_id)
    if state is not None:
        query = query.where(Filing.state == state)
    if before is not None:
        query = query.where(Filing.id < before)
    return list(await session.scalars(query.order_by(Filing.id.desc()).limit(limit + 1)))


async def save(session: AsyncSession, filing: Filing, *, changed_by: str) -> None:
    """Store a change as a new version; the database refuses illegal ones."""
    filing.version += 1
    filing.changed_by = changed_by
    filing.updated_at = func.now()
    await session.flush()
    await session.refresh(filing)


async def states_by_case(session: AsyncSession, user_id: str) -> dict[str, tuple[str, str]]:
    """Filing id and state of every case that has a filing."""
    query = select(Filing.case_id, Filing.id, Filing.state).where(Filing.user_id == user_id)
    return {
        case_id: (filing_id, state) for case_id, filing_id, state in await session.execute(query)
    }


async def overdue(session: AsyncSession, *, user_id: str, before: date) -> list[Filing]:
    """Unfiled filings whose deadline lies before that day, locked."""
    query = (
        select(Filing)
        .where(
            Filing.user_id == user_id,
            Filing.state.in_([state.value for state in UNFILED]),
            Filing.deadline < before,
        )
        .order_by(Filing.id)
        .with_for_update()
    )
    return list(await session.scalars(query))


async def sellers_with_unfiled(session: AsyncSession) -> list[str]:
    """Sellers who have a filing that is not filed."""
    query = select(Filing.user_id).where(Filing.state.in_([state.value for state in UNFILED]))
    return list(await session.scalars(query.distinct().order_by(Filing.user_id)))


async def audit_of(session: AsyncSession, filing_id: str) -> list[FilingAudit]:
    """Every change of a filing, oldest first."""
    query = select(FilingAudit).where(FilingAudit.filing_id == filing_id)
    return list(await session.scalars(query.order_by(FilingAudit.version)))


async def freeze_evidence(
    session: AsyncSession, filing: Filing, document_ids: Sequence[str]
) -> None:
    """These documents are the packet's."""
    rows = [
        {"user_id": filing.user_id, "filing_id": filing.id, "document_id": document_id}
        for document_id in document_ids
    ]
    if rows:
        await session.execute(insert(FilingEvidence).on_conflict_do_nothing(), rows)


async def free_evidence(session: AsyncSession, filing_id: str) -> None:
    """The packet has no documents of its own; those that are accepted for the case count again."""
    await session.execute(delete(FilingEvidence).where(FilingEvidence.filing_id == filing_id))


async def frozen_documents(session: AsyncSession, filing_id: str) -> list[str]:
    """Ids of the packet's documents, oldest first."""
    query = select(FilingEvidence.document_id).where(FilingEvidence.filing_id == filing_id)
    return list(await session.scalars(query.order_by(FilingEvidence.document_id)))


async def put_feed(session: AsyncSession, *, user_id: str, secret_hash: str) -> None:
    """The seller's calendar has this secret; an earlier one is worth nothing."""
    fresh = insert(CalendarFeed).values(user_id=user_id, secret_hash=secret_hash)
    await session.execute(
        fresh.on_conflict_do_update(
            index_elements=["user_id"],
            set_={"secret_hash": secret_hash, "created_at": func.now()},
        )
    )


async def remove_feed(session: AsyncSession, user_id: str) -> None:
    """The seller's calendar is not shown any more."""
    await session.execute(delete(CalendarFeed).where(CalendarFeed.user_id == user_id))


async def user_of_feed(session: AsyncSession, secret_hash: str) -> str | None:
    """Whose calendar it is."""
    query = select(CalendarFeed.user_id).where(CalendarFeed.secret_hash == secret_hash)
    return (await session.scalars(query)).one_or_none()
