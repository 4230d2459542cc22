"""Keep a document that a seller hands over: once, as it is, under its checksum."""

import asyncio
import unicodedata
from typing import IO

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.archive import EvidenceArchive, Received
from main_api.evidence import queries
from main_api.evidence.content import PDF, SUFFIXES, TEXT, media_type_of
from main_api.evidence.errors import ArchiveFull
from main_api.evidence.models import EvidenceDocument
from main_api.evidence.rules import DocumentKind, Reading
from main_api.evidence.schemas import EvidenceView, UploadedEvidence
from opside_chassis.database import Sessions, transaction
from opside_chassis.ids import new_id
from opside_chassis.outbox import stage

READ_EVIDENCE = "read_evidence"
MOST_DOCUMENTS = 5_000
MOST_BYTES = 5 * 1024**3
"""Of one seller: several years of papers. Beyond it somebody uses us as a disk."""
LONGEST_NAME_CHARS = 150


async def upload_evidence(
    sessions: Sessions,
    archive: EvidenceArchive,
    content: IO[bytes],
    *,
    user_id: str,
    file_name: str,
    kind: DocumentKind,
) -> UploadedEvidence:
    """Keep it and stage its reading. The same content again answers the document that is there.

    Raises:
        NotEvidence, FileTooLarge: what is wrong with the content.
        ArchiveFull: the seller keeps as much as one may.
    """
    received = await asyncio.to_thread(archive.receive, content)
    try:
        media_type = await asyncio.to_thread(media_type_of, received.file)
        fresh = EvidenceDocument(
            id=new_id("evd"),
            user_id=user_id,
            sha256=received.sha256,
            size_bytes=received.size_bytes,
            media_type=media_type,
            file_name=shown_name(file_name, media_type),
            kind=kind.value,
            reading=_first_reading(media_type, kind).value,
        )
        async with transaction(sessions, tenant=user_id) as session:
            return await _keep(session, archive, received, fresh)
    finally:
        await asyncio.to_thread(archive.discard, received)


async def _keep(
    session: AsyncSession, archive: EvidenceArchive, received: Received, fresh: EvidenceDocument
) -> UploadedEvidence:
    """File first, row second, under one lock: a row never lacks its file."""
    await queries.hold_content(session, user_id=fresh.user_id, sha256=fresh.sha256)
    known = await queries.document_of_content(session, user_id=fresh.user_id, sha256=fresh.sha256)
    if known is not None:
        return UploadedEvidence(**EvidenceView.of(known).model_dump(), repeated=True)
    kept = await queries.kept_by(session, fresh.user_id)
    if kept.documents >= MOST_DOCUMENTS or kept.size_bytes + fresh.size_bytes > MOST_BYTES:
        raise ArchiveFull("you keep as much evidence as one may; delete what no claim needs")
    archive.keep(received, user_id=fresh.user_id)
    await queries.add_document(session, fresh)
    if fresh.reading == Reading.WAITING.value:
        await stage(session, READ_EVIDENCE, {"evidenceId": fresh.id}, tenant=fresh.user_id)
    return UploadedEvidence(**EvidenceView.of(fresh).model_dump(), repeated=False)


def _first_reading(media_type: str, kind: DocumentKind) -> Reading:
    if media_type in {PDF, TEXT}:
        return Reading.WAITING
    return Reading.NOT_READ if kind is DocumentKind.PHOTO else Reading.NEEDS_TYPING


def shown_name(given: str, media_type: str) -> str:
    """The last part of what the seller calls the file, printable and short, with the suffix of its kind."""
    last = unicodedata.normalize("NFC", given).replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(char for char in last if char.isprintable() and char not in '"<>|:*?')
    suffix = SUFFIXES[media_type]
    stem = printable.removesuffix(suffix).strip(". ")
    return (stem[: LONGEST_NAME_CHARS - len(suffix)].strip(". ") or "document") + suffix
