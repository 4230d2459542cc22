"""Have a document's text read, and keep what it says; matching follows."""

from sqlalchemy.exc import IntegrityError

from main_api.archive import EvidenceArchive
from main_api.evidence import queries
from main_api.evidence.errors import NoSuchEvidence, WrongField
from main_api.evidence.listing import own_document
from main_api.evidence.match import MATCH_EVIDENCE
from main_api.evidence.parser import (
    DocumentParser,
    ReadDocument,
    ReadField,
    UnreadDocument,
)
from main_api.evidence.rules import DocumentKind, Reading, checked_value
from main_api.evidence.upload import READ_EVIDENCE
from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import Unavailable
from opside_chassis.outbox import StagedJob, fence, stage

NOBODY_READS = "no program could read it for a while; type what it says, or have it read again"
PATIENCE_FAILURES = 6
"""About an hour. A seller whose deadline comes must not wait for a program."""
LONGEST_NOTE_CHARS = 300
FEWER_UNITS = "the new reading shows fewer units than claims already use; the earlier one stays"


async def read_document(
    sessions: Sessions, archive: EvidenceArchive, parser: DocumentParser, job: StagedJob
) -> None:
    """Ask the parser and keep its answer; what a person typed before stays as it is.

    Raises:
        Unavailable: the parser does not answer; tried again, and after an hour a person is asked.
    """
    user_id = job.tenant or ""
    try:
        async with transaction(sessions, tenant=user_id) as session:
            document = await own_document(session, user_id, job.payload["evidenceId"])
    except NoSuchEvidence:
        return  # deleted meanwhile
    place = archive.place(user_id=user_id, sha256=document.sha256)
    unread = UnreadDocument(place, document.file_name, document.size_bytes)
    try:
        found = await parser.parse(unread)
    except Unavailable:
        if job.failures < PATIENCE_FAILURES:
            raise
        found = ReadDocument(needs_typing=NOBODY_READS)
    try:
        await _keep(sessions, job, found, document_id=document.id)
    except IntegrityError:
        async with transaction(sessions, tenant=user_id) as session:
            await fence(session, job)
            await queries.note_reading(
                session, document.id, reading=Reading.READ.value, note=FEWER_UNITS
            )


async def _keep(
    sessions: Sessions, job: StagedJob, found: ReadDocument, *, document_id: str
) -> None:
    user_id = job.tenant or ""
    reading, note = _outcome(found)
    async with transaction(sessions, tenant=user_id) as session:
        await fence(session, job)
        try:
            document = await own_document(session, user_id, document_id, lock=True)
        except NoSuchEvidence:
            return
        kind = found.kind if document.kind == DocumentKind.OTHER.value else None
        await queries.note_reading(
            session, document.id, reading=reading.value, note=note, kind=kind and kind.value
        )
        if reading is not Reading.READ:
            return
        await queries.keep_read_fields(
            session, _believable(found.fields), user_id=user_id, document_id=document.id
        )
        await queries.follow_quantities(session, document.id)
        await stage(session, MATCH_EVIDENCE, {"evidenceId": document.id}, tenant=user_id)


def _outcome(found: ReadDocument) -> tuple[Reading, str | None]:
    if found.unreadable is not None:
        return Reading.UNREADABLE, found.unreadable[:LONGEST_NOTE_CHARS]
    if found.needs_typing is not None:
        return Reading.NEEDS_TYPING, found.needs_typing[:LONGEST_NOTE_CHARS]
    return Reading.READ, "; ".join(found.notes)[:LONGEST_NOTE_CHARS] or None


def _believable(fields: tuple[ReadField, ...]) -> list[ReadField]:
    """Fields that have a form we know; each once, the surest first. A machine's mistakes are no errors."""
    kept: dict[tuple[int, str], ReadField] = {}
    for one in sorted(fields, key=lambda field: -field.confidence_bp):
        try:
            value = checked_value(one.line_no, one.name, one.value)
        except WrongField:
            continue
        if value is not None:
            kept.setdefault(
                (one.line_no, one.name),
                ReadField(one.line_no, one.name, value, one.confidence_bp, one.page, one.place),
            )
    return list(kept.values())


async def read_again(sessions: Sessions, *, user_id: str, evidence_id: str) -> None:
    """Stage another reading of a document.

    Raises:
        NoSuchEvidence: unknown, or of somebody else.
    """
    async with transaction(sessions, tenant=user_id) as session:
        document = await own_document(session, user_id, evidence_id)
        await stage(session, READ_EVIDENCE, {"evidenceId": document.id}, tenant=user_id)
