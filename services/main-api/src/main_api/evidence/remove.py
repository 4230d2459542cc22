"""Delete a document: its row at once, its file after the commit."""

import asyncio

from sqlalchemy.exc import IntegrityError

from main_api.archive import EvidenceArchive
from main_api.evidence import queries
from main_api.evidence.errors import EvidenceInUse
from main_api.evidence.listing import own_document
from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import StagedJob, stage

REMOVE_EVIDENCE_FILE = "remove_evidence_file"


async def remove_evidence(sessions: Sessions, *, user_id: str, evidence_id: str) -> None:
    """Delete a document, its fields and its matches.

    Raises:
        NoSuchEvidence: unknown, or of somebody else.
        EvidenceInUse: a packet that is ready or filed holds it.
    """
    try:
        async with transaction(sessions, tenant=user_id) as session:
            document = await own_document(session, user_id, evidence_id, lock=True)
            await stage(session, REMOVE_EVIDENCE_FILE, {"sha256": document.sha256}, tenant=user_id)
            await queries.remove_document(session, document.id)
    except IntegrityError as error:
        raise EvidenceInUse(
            "a packet that is ready or filed holds this document; what Amazon was shown is kept"
        ) from error


async def remove_evidence_file(
    sessions: Sessions, archive: EvidenceArchive, job: StagedJob
) -> None:
    """Remove a content from the archive, and packets bound of it, unless it was handed over again."""
    user_id, sha256 = job.tenant or "", job.payload["sha256"]
    async with transaction(sessions, tenant=user_id) as session:
        await queries.hold_content(session, user_id=user_id, sha256=sha256)
        if await queries.document_of_content(session, user_id=user_id, sha256=sha256) is None:
            await asyncio.to_thread(archive.remove, user_id=user_id, sha256=sha256)
            await asyncio.to_thread(archive.forget_packets, user_id=user_id)
