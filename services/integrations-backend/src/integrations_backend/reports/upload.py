"""Read report files that a seller hands over himself: an audit without SP-API access."""

import asyncio
import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.archive import Archive
from integrations_backend.reports import queries
from integrations_backend.reports.errors import NoSuchUpload
from integrations_backend.reports.ingest import ingest_report
from integrations_backend.reports.marketplaces import Marketplace, marketplace
from integrations_backend.reports.models import ReportUpload
from integrations_backend.reports.received import UPLOADED, ReceivedReport
from integrations_backend.reports.schemas import (
    RefusedFile,
    Upload,
    UploadedFile,
    UploadStatus,
)
from integrations_backend.reports.understand import HandedOver, understanding
from opside_chassis.database import Sessions, transaction
from opside_chassis.ids import new_id
from opside_chassis.outbox import stage

DETECT_UPLOAD = "detect_upload"
DEFAULT_STORE = "ATVPDKIKX0DER"


async def read_uploads(
    sessions: Sessions, archive: Archive, files: Sequence[HandedOver], *, user_id: str
) -> Upload:
    """Read every file that can be read; the others are named with what is wrong with them.

    Detection follows as a job.

    Raises:
        UnreadableReport: no file can be read; nothing is stored.
    """
    upload_id = new_id("upl")
    usual = await _usual_store(sessions, user_id)
    # Rows of twenty files at once are more than memory may hold: they wait on disk.
    with ExitStack() as place:
        understood = await asyncio.to_thread(
            lambda: place.enter_context(understanding(files, usual=usual))
        )
        for one in understood.files:
            report = ReceivedReport(
                user_id=user_id,
                sync_id=upload_id,
                report_type=one.view.report_type,
                marketplace_id=one.store.id,
                report_id="",
                document_id=f"{UPLOADED}{_digest(one.content)}",
                content=one.content,
            )
            await ingest_report(sessions, archive, report, one.read)
    async with transaction(sessions, tenant=user_id) as session:
        upload = ReportUpload(
            id=upload_id,
            user_id=user_id,
            marketplace_id=understood.store.id,
            status=UploadStatus.DETECTING.value,
            files={
                "files": [one.view.model_dump(mode="json") for one in understood.files],
                "refused": [one.model_dump(mode="json") for one in understood.refused],
            },
        )
        await queries.add_upload(session, upload)
        await stage(session, DETECT_UPLOAD, {"uploadId": upload_id}, tenant=user_id)
    return _shown(upload)


async def finish_upload(session: AsyncSession, upload_id: str, *, claims: int, losses: int) -> None:
    """Store what detection found over everything that was read for the seller so far."""
    await queries.change_upload(
        session, upload_id, status=UploadStatus.DONE.value, claims=claims, losses=losses
    )


async def fail_upload(session: AsyncSession, upload_id: str) -> None:
    """Store that detection gave up."""
    await queries.change_upload(session, upload_id, status=UploadStatus.FAILED.value)


async def store_of_upload(sessions: Sessions, *, user_id: str, upload_id: str) -> str | None:
    """The id of the marketplace that an upload was read as; None when it is gone."""
    async with transaction(sessions, tenant=user_id) as session:
        row = await queries.upload_by_id(session, upload_id)
    return row.marketplace_id if row else None


async def read_upload(sessions: Sessions, *, user_id: str, upload_id: str) -> Upload:
    """An earlier upload.

    Raises:
        NoSuchUpload: unknown, or of somebody else.
    """
    async with transaction(sessions, tenant=user_id) as session:
        row = await queries.upload_by_id(session, upload_id)
    if row is None:
        raise NoSuchUpload("there is no such upload")
    return _shown(row)


def _shown(row: ReportUpload) -> Upload:
    return Upload(
        upload_id=row.id,
        files=[UploadedFile.model_validate(one) for one in row.files["files"]],
        refused=[RefusedFile.model_validate(one) for one in row.files.get("refused", [])],
        status=UploadStatus(row.status),
        claims=row.claims,
        losses=row.losses,
    )


async def _usual_store(sessions: Sessions, user_id: str) -> Marketplace:
    """The store of what was read last for the user: his, unless a file says otherwise."""
    async with transaction(sessions, tenant=user_id) as session:
        known = await queries.newest_store(session, user_id)
    return marketplace(known or DEFAULT_STORE)


def _digest(content: Path) -> str:
    with content.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
