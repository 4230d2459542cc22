"""Reading documents, what they say and what people corrected."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.archive import EvidenceArchive
from main_api.evidence import queries
from main_api.evidence.errors import NoSuchEvidence
from main_api.evidence.models import EvidenceDocument
from main_api.evidence.schemas import (
    EvidenceDetail,
    EvidenceView,
    FieldChangeView,
    FieldView,
    LineView,
)
from opside_chassis.database import Sessions, transaction
from opside_chassis.pagination import Page, PageQuery, decode_cursor, encode_cursor


async def list_evidence(sessions: Sessions, *, user_id: str, page: PageQuery) -> Page[EvidenceView]:
    """One page of the seller's documents, newest first."""
    before = decode_cursor(page.cursor, parts=1)[0] if page.cursor else None
    async with transaction(sessions, tenant=user_id) as session:
        rows = await queries.documents_page(
            session, user_id=user_id, before=before, limit=page.limit
        )
    shown = rows[: page.limit]
    more = len(rows) > page.limit
    return Page[EvidenceView](
        items=[EvidenceView.of(row) for row in shown],
        next_cursor=encode_cursor(shown[-1].id) if more else None,
    )


async def read_evidence(sessions: Sessions, *, user_id: str, evidence_id: str) -> EvidenceDetail:
    """One document with everything it says.

    Raises:
        NoSuchEvidence: unknown, or of somebody else.
    """
    async with transaction(sessions, tenant=user_id) as session:
        return await detail_of(session, await own_document(session, user_id, evidence_id))


async def read_history(
    sessions: Sessions, *, user_id: str, evidence_id: str
) -> list[FieldChangeView]:
    """What people changed of a document's fields, oldest first.

    Raises:
        NoSuchEvidence: unknown, or of somebody else.
    """
    async with transaction(sessions, tenant=user_id) as session:
        document = await own_document(session, user_id, evidence_id)
        rows = await queries.changes_of(session, document.id)
    return [FieldChangeView.of(row) for row in rows]


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A document's content, and how to call it."""

    place: Path
    media_type: str
    file_name: str


async def file_of(
    sessions: Sessions, archive: EvidenceArchive, *, user_id: str, evidence_id: str
) -> EvidenceFile:
    """Where a document's content is.

    Raises:
        NoSuchEvidence: unknown, or of somebody else.
    """
    async with transaction(sessions, tenant=user_id) as session:
        document = await own_document(session, user_id, evidence_id)
    place = archive.place(user_id=user_id, sha256=document.sha256)
    if not await asyncio.to_thread(place.is_file):
        raise NoSuchEvidence("the file of this document is gone")
    return EvidenceFile(place, document.media_type, document.file_name)


async def own_document(
    session: AsyncSession, user_id: str, evidence_id: str, *, lock: bool = False
) -> EvidenceDocument:
    """The seller's document.

    Raises:
        NoSuchEvidence: unknown, or of somebody else.
    """
    row = await queries.document_by_id(session, user_id=user_id, document_id=evidence_id, lock=lock)
    if row is None:
        raise NoSuchEvidence("there is no such document")
    return row


async def detail_of(session: AsyncSession, document: EvidenceDocument) -> EvidenceDetail:
    """A stored document with its fields and lines."""
    fields = await queries.fields_of(session, [document.id])
    lines = await queries.lines_of(session, [document.id])
    return EvidenceDetail(
        **EvidenceView.of(document).model_dump(),
        fields=[FieldView.of(row) for row in fields],
        lines=[LineView.of(row) for row in lines],
    )
