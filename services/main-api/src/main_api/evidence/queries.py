"""All SQL about documents and what they say; that about matches is in `match_queries.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from main_api.evidence.models import (
    EvidenceDocument,
    EvidenceField,
    EvidenceFieldChange,
    EvidenceLine,
)
from main_api.evidence.parser import ReadField


async def hold_content(session: AsyncSession, *, user_id: str, sha256: str) -> None:
    """Until the end of the transaction nobody else keeps or removes this content of this seller."""
    lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
    await session.execute(lock, {"key": f"evidence:{user_id}:{sha256}"})


async def document_of_content(
    session: AsyncSession, *, user_id: str, sha256: str
) -> EvidenceDocument | None:
    """The seller's document with this content."""
    query = select(EvidenceDocument).where(
        EvidenceDocument.user_id == user_id, EvidenceDocument.sha256 == sha256
    )
    return (await session.scalars(query)).one_or_none()


@dataclass(frozen=True, slots=True)
class Kept:
    """How much a seller keeps."""

    documents: int
    size_bytes: int


async def kept_by(session: AsyncSession, user_id: str) -> Kept:
    """How many documents and bytes the seller keeps."""
    size = func.coalesce(func.sum(EvidenceDocument.size_bytes), 0)
    query = select(func.count(), size).where(EvidenceDocument.user_id == user_id)
    documents, size_bytes = (await session.execute(query)).one()
    return Kept(documents, int(size_bytes))


async def add_document(session: AsyncSession, document: EvidenceDocument) -> None:
    """Store a new document; database defaults are filled in."""
    session.add(document)
    await session.flush()
    await session.refresh(document)


async def document_by_id(
    session: AsyncSession, *, user_id: str, document_id: str, lock: bool = False
) -> EvidenceDocument | None:
    """One of the seller's documents."""
    query = select(EvidenceDocument).where(
        EvidenceDocument.user_id == user_id, EvidenceDocument.id == document_id
    )
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(query)).one_or_none()


async def documents_page(
    session: AsyncSession, *, user_id: str, before: str | None, limit: int
) -> list[EvidenceDocument]:
    """The seller's documents, newest first, one more than asked."""
    query = select(EvidenceDocument).where(EvidenceDocument.user_id == user_id)
    if before is not None:
        query = query.where(EvidenceDocument.id < before)
    return list(await session.scalars(query.order_by(EvidenceDocument.id.desc()).limit(limit + 1)))


async def remove_document(session: AsyncSession, document_id: str) -> None:
    """Remove it with its fields and matches; a packet that holds it refuses (foreign key)."""
    await session.execute(delete(EvidenceDocument).where(EvidenceDocument.id == document_id))


async def fields_of(session: AsyncSession, document_ids: Sequence[str]) -> list[EvidenceField]:
    """What the documents say, in the order of their lines."""
    query = select(EvidenceField).where(EvidenceField.document_id.in_(document_ids))
    return list(
        await session.scalars(
            query.order_by(EvidenceField.document_id, EvidenceField.line_no, EvidenceField.name)
        )
    )


async def changes_of(session: AsyncSession, document_id: str) -> list[EvidenceFieldChange]:
    """What people changed, oldest first."""
    query = select(EvidenceFieldChange).where(EvidenceFieldChange.document_id == document_id)
    return list(await session.scalars(query.order_by(EvidenceFieldChange.id)))


async def keep_read_fields(
    session: AsyncSession, fields: Sequence[ReadField], *, user_id: str, document_id: str
) -> None:
    """What a parser found replaces what a parser found before; what a person typed stays."""
    typed = EvidenceField.source == "typed"
    await session.execute(
        delete(EvidenceField).where(EvidenceField.document_id == document_id, ~typed)
    )
    rows = [
        {
            "user_id": user_id,
            "document_id": document_id,
            "line_no": one.line_no,
            "name": one.name,
            "value": one.value,
            "confidence_bp": one.confidence_bp,
            "page": one.page,
            "place": one.place,
            "source": "parsed",
        }
        for one in fields
    ]
    if rows:
        await session.execute(insert(EvidenceField).on_conflict_do_nothing(), rows)


async def keep_typed_field(session: AsyncSession, field: EvidenceField, *, now: datetime) -> None:
    """Store what a person typed; the trigger keeps the history."""
    values = {
        "user_id": field.user_id,
        "document_id": field.document_id,
        "line_no": field.line_no,
        "name": field.name,
        "value": field.value,
        "confidence_bp": field.confidence_bp,
        "source": "typed",
        "changed_by": field.changed_by,
        "changed_at": now,
    }
    fresh = insert(EvidenceField).values(values)
    kept = ("value", "confidence_bp", "source", "changed_by", "changed_at")
    await session.execute(
        fresh.on_conflict_do_update(
            index_elements=["document_id", "line_no", "name"],
            set_={name: fresh.excluded[name] for name in kept},
        )
    )


async def note_reading(
    session: AsyncSession,
    document_id: str,
    *,
    reading: str,
    note: str | None,
    kind: str | None = None,
) -> None:
    """Store what became of reading a document."""
    changed = {"reading": reading, "reading_note": note} | ({"kind": kind} if kind else {})
    await session.execute(
        update(EvidenceDocument).where(EvidenceDocument.id == document_id).values(changed)
    )


_LINES_AS_FIELDS = text(
    """
    INSERT INTO evidence_lines (user_id, document_id, line_no, units)
    SELECT user_id, document_id, line_no, CAST(value AS bigint) FROM evidence_fields
     WHERE document_id = :id AND name = 'quantity' AND line_no > 0 AND value IS NOT NULL
    ON CONFLICT (document_id, line_no) DO UPDATE SET units = excluded.units
    """
)
_LINES_WITHOUT_FIELD = text(
    """
    UPDATE evidence_lines line SET units = 0
     WHERE document_id = :id AND units > 0 AND NOT EXISTS (
           SELECT 1 FROM evidence_fields f
            WHERE f.document_id = line.document_id AND f.line_no = line.line_no
              AND f.name = 'quantity' AND f.value IS NOT NULL)
    """
)


async def follow_quantities(session: AsyncSession, document_id: str) -> None:
    """Lines have the units that the fields say; the database refuses fewer than are used."""
    await session.execute(_LINES_AS_FIELDS, {"id": document_id})
    await session.execute(_LINES_WITHOUT_FIELD, {"id": document_id})


async def lines_of(session: AsyncSession, document_ids: Sequence[str]) -> list[EvidenceLine]:
    """Units of the documents' lines."""
    query = select(EvidenceLine).where(EvidenceLine.document_id.in_(document_ids))
    return list(
        await session.scalars(query.order_by(EvidenceLine.document_id, EvidenceLine.line_no))
    )


async def ids_with_fields(session: AsyncSession, *, user_id: str, limit: int) -> list[str]:
    """The seller's newest documents that say anything."""
    query = (
        select(EvidenceField.document_id)
        .where(EvidenceField.user_id == user_id)
        .distinct()
        .order_by(EvidenceField.document_id.desc())
        .limit(limit)
    )
    return list(await session.scalars(query))


async def hold_documents(session: AsyncSession, document_ids: Sequence[str]) -> set[str]:
    """Those of the documents that are there, and cannot be deleted until the transaction ends."""
    query = (
        select(EvidenceDocument.id)
        .where(EvidenceDocument.id.in_(document_ids))
        .order_by(EvidenceDocument.id)
        .with_for_update(key_share=True, read=True)
    )
    return set(await session.scalars(query))


async def documents_by_ids(
    session: AsyncSession, *, user_id: str, document_ids: Sequence[str]
) -> list[EvidenceDocument]:
    """These documents of the seller."""
    query = select(EvidenceDocument).where(
        EvidenceDocument.user_id == user_id, EvidenceDocument.id.in_(document_ids)
    )
    return list(await session.scalars(query))
