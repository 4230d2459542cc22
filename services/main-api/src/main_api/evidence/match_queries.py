"""All SQL about which document answers which case."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Row, delete, exists, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from main_api.evidence.models import EvidenceDocument, EvidenceField, EvidenceMatch
from main_api.evidence.rules import DocumentKind, MatchStatus


async def hold_matching(session: AsyncSession, user_id: str) -> None:
    """Until the end of the transaction nobody else proposes or decides matches of this seller."""
    lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
    await session.execute(lock, {"key": f"matches:{user_id}"})


async def replace_proposals(
    session: AsyncSession, matches: Sequence[EvidenceMatch], *, user_id: str, document_id: str
) -> None:
    """Proposals of a document are those found last; what a person decided stays decided."""
    await session.execute(
        delete(EvidenceMatch).where(
            EvidenceMatch.document_id == document_id,
            EvidenceMatch.status == MatchStatus.PROPOSED.value,
        )
    )
    rows = [
        {
            "id": match.id,
            "user_id": user_id,
            "document_id": document_id,
            "line_no": match.line_no,
            "case_id": match.case_id,
            "units": match.units,
            "status": MatchStatus.PROPOSED.value,
            "confidence_bp": match.confidence_bp,
            "reasons": match.reasons,
        }
        for match in matches
    ]
    if rows:
        await session.execute(insert(EvidenceMatch).on_conflict_do_nothing(), rows)


async def add_match(session: AsyncSession, match: EvidenceMatch) -> bool:
    """Store a match; False when the same line and case are matched already."""
    values = {
        column.key: getattr(match, column.key)
        for column in EvidenceMatch.__table__.columns
        if getattr(match, column.key) is not None
    }
    statement = insert(EvidenceMatch).values(values).on_conflict_do_nothing()
    return (
        await session.execute(statement.returning(EvidenceMatch.id))
    ).scalar_one_or_none() is not None


async def match_by_id(
    session: AsyncSession, *, user_id: str, match_id: str, lock: bool = False
) -> EvidenceMatch | None:
    """One of the seller's matches."""
    query = select(EvidenceMatch).where(
        EvidenceMatch.user_id == user_id, EvidenceMatch.id == match_id
    )
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(query)).one_or_none()


async def match_of(
    session: AsyncSession, *, user_id: str, document_id: str, line_no: int, case_id: str
) -> EvidenceMatch | None:
    """The match of a line and a case."""
    query = select(EvidenceMatch).where(
        EvidenceMatch.user_id == user_id,
        EvidenceMatch.document_id == document_id,
        EvidenceMatch.line_no == line_no,
        EvidenceMatch.case_id == case_id,
    )
    return (await session.scalars(query)).one_or_none()


async def decide(
    session: AsyncSession,
    match: EvidenceMatch,
    status: MatchStatus,
    *,
    decided_by: str,
    now: datetime,
) -> None:
    """Store a person's decision; the database refuses units that are used up."""
    match.status = status.value
    match.decided_by, match.decided_at = decided_by, now
    await session.flush()


async def matches_page(
    session: AsyncSession,
    *,
    user_id: str,
    case_id: str | None,
    document_id: str | None,
    before: str | None,
    limit: int,
) -> Sequence[Row[EvidenceMatch, EvidenceDocument]]:
    """Matches with their documents, newest first, one more than asked."""
    query = (
        select(EvidenceMatch, EvidenceDocument)
        .join(EvidenceDocument, EvidenceDocument.id == EvidenceMatch.document_id)
        .where(EvidenceMatch.user_id == user_id)
    )
    if case_id is not None:
        query = query.where(EvidenceMatch.case_id == case_id)
    if document_id is not None:
        query = query.where(EvidenceMatch.document_id == document_id)
    if before is not None:
        query = query.where(EvidenceMatch.id < before)
    return (await session.execute(query.order_by(EvidenceMatch.id.desc()).limit(limit + 1))).all()


async def accepted_documents(
    session: AsyncSession, *, user_id: str, case_ids: Sequence[str]
) -> Sequence[Row[str, EvidenceDocument]]:
    """Case ids with the documents that a person accepted for them, each once, oldest first."""
    query = (
        select(EvidenceMatch.case_id, EvidenceDocument)
        .join(EvidenceDocument, EvidenceDocument.id == EvidenceMatch.document_id)
        .where(
            EvidenceMatch.user_id == user_id,
            EvidenceMatch.status == MatchStatus.ACCEPTED.value,
            EvidenceMatch.case_id.in_(case_ids),
        )
        .distinct()
        .order_by(EvidenceMatch.case_id, EvidenceDocument.id)
    )
    return (await session.execute(query)).all()


async def accepted_lines_of_day(
    session: AsyncSession, *, user_id: str, day: str, currency: str
) -> Sequence[Row[EvidenceMatch, EvidenceDocument]]:
    """Accepted lines of invoices of that day and currency, with their documents."""
    query = (
        select(EvidenceMatch, EvidenceDocument)
        .join(EvidenceDocument, EvidenceDocument.id == EvidenceMatch.document_id)
        .where(
            EvidenceMatch.user_id == user_id,
            EvidenceMatch.status == MatchStatus.ACCEPTED.value,
            EvidenceMatch.line_no > 0,
            EvidenceDocument.kind == DocumentKind.INVOICE.value,
            _says("invoice_date", day),
            _says("currency", currency),
        )
        .order_by(EvidenceMatch.id)
    )
    return (await session.execute(query)).all()


def _says(name: str, value: str) -> ColumnElement[bool]:
    """The document as a whole has this field."""
    return exists().where(
        EvidenceField.document_id == EvidenceMatch.document_id,
        EvidenceField.line_no == 0,
        EvidenceField.name == name,
        EvidenceField.value == value,
    )


async def kinds_by_case(session: AsyncSession, user_id: str) -> Sequence[Row[str, str, str]]:
    """Case id, kind of document and status of every match that was not rejected."""
    query = (
        select(EvidenceMatch.case_id, EvidenceDocument.kind, func.min(EvidenceMatch.status))
        .join(EvidenceDocument, EvidenceDocument.id == EvidenceMatch.document_id)
        .where(
            EvidenceMatch.user_id == user_id,
            EvidenceMatch.status != MatchStatus.REJECTED.value,
        )
        .group_by(EvidenceMatch.case_id, EvidenceDocument.kind)
    )
    return (await session.execute(query)).all()


async def proven_units(session: AsyncSession, user_id: str) -> dict[str, int]:
    """Units of each case that accepted matches prove."""
    query = (
        select(EvidenceMatch.case_id, func.sum(EvidenceMatch.units))
        .where(
            EvidenceMatch.user_id == user_id,
            EvidenceMatch.status == MatchStatus.ACCEPTED.value,
        )
        .group_by(EvidenceMatch.case_id)
    )
    return {case_id: int(units) for case_id, units in await session.execute(query)}


async def accepted_lines(session: AsyncSession, document_id: str) -> list[EvidenceMatch]:
    """Accepted matches of a document's lines, oldest first."""
    query = select(EvidenceMatch).where(
        EvidenceMatch.document_id == document_id,
        EvidenceMatch.status == MatchStatus.ACCEPTED.value,
        EvidenceMatch.line_no > 0,
    )
    return list(await session.scalars(query.order_by(EvidenceMatch.id)))
