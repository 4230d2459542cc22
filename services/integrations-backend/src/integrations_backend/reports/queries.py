"""All SQL about report documents and uploads."""

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.reports.models import RejectedReportRow, ReportDocument, ReportUpload
from integrations_backend.reports.read import RejectedRow
from integrations_backend.reports.received import UPLOADED, ReceivedReport


async def register_document(
    session: AsyncSession, report: ReceivedReport
) -> tuple[int, str | None]:
    """The document's number and where it is archived, if it was read before."""
    values = {
        "user_id": report.user_id,
        "sync_id": report.sync_id,
        "report_type": report.report_type,
        "marketplace_id": report.marketplace_id,
        "document_key": report.document_id,
    }
    await session.execute(insert(ReportDocument).values(values).on_conflict_do_nothing())
    query = select(ReportDocument.id, ReportDocument.archived_as).where(
        ReportDocument.user_id == report.user_id,
        ReportDocument.document_key == report.document_id,
    )
    row = (await session.execute(query)).one()
    return row.id, row.archived_as


async def finish_document(
    session: AsyncSession,
    document_id: int,
    *,
    user_id: str,
    archived_as: str,
    rows: int,
    rejected: int,
    kept: Sequence[RejectedRow],
) -> bool:
    """Note where the document is, how many rows it has, and the first of those kept aside.

    False when it is gone: its seller was erased meanwhile.
    """
    there = await session.execute(
        update(ReportDocument)
        .where(ReportDocument.id == document_id)
        .values(archived_as=archived_as, rows=rows, rejected=rejected)
        .returning(ReportDocument.id)
    )
    if there.first() is None:
        return False
    values = [
        {"document_id": document_id, "user_id": user_id, "line": row.line, "reason": row.reason}
        for row in kept
    ]
    if values:
        await session.execute(insert(RejectedReportRow).values(values).on_conflict_do_nothing())
    return True


async def newest_document(session: AsyncSession, *, user_id: str, report_type: str) -> str | None:
    """Where the last document of a type that was read is archived."""
    query = (
        select(ReportDocument.archived_as)
        .where(
            ReportDocument.user_id == user_id,
            ReportDocument.report_type == report_type,
            ReportDocument.archived_as.is_not(None),
        )
        .order_by(ReportDocument.id.desc())
        .limit(1)
    )
    return (await session.scalars(query)).one_or_none()


async def documents_of_amazon(
    session: AsyncSession, *, user_id: str, report_type: str
) -> list[str]:
    """Where the documents of a type are archived that Amazon itself handed out."""
    query = select(ReportDocument.archived_as).where(
        ReportDocument.user_id == user_id,
        ReportDocument.report_type == report_type,
        ReportDocument.archived_as.is_not(None),
        ~ReportDocument.document_key.startswith(UPLOADED, autoescape=True),
    )
    return [str(name) for name in await session.scalars(query.order_by(ReportDocument.id))]


async def document_counts(session: AsyncSession, document_id: int) -> tuple[int, int]:
    """Rows and rejected rows of a document that was read."""
    document = await session.get_one(ReportDocument, document_id)
    return document.rows, document.rejected


async def add_upload(session: AsyncSession, upload: ReportUpload) -> None:
    """Store an upload's result."""
    session.add(upload)
    await session.flush()


async def change_upload(session: AsyncSession, upload_id: str, **values: object) -> None:
    """Store how far an upload is."""
    await session.execute(update(ReportUpload).where(ReportUpload.id == upload_id).values(**values))


async def newest_store(session: AsyncSession, user_id: str) -> str | None:
    """The marketplace of the last document that was read for the user."""
    query = select(ReportDocument.marketplace_id).where(ReportDocument.user_id == user_id)
    return (await session.scalars(query.order_by(ReportDocument.id.desc()).limit(1))).one_or_none()


async def count_read(session: AsyncSession, user_id: str) -> int:
    """How many documents were read for the user."""
    query = select(func.count()).where(
        ReportDocument.user_id == user_id, ReportDocument.archived_as.is_not(None)
    )
    return (await session.execute(query)).scalar_one()


async def upload_by_id(session: AsyncSession, upload_id: str) -> ReportUpload | None:
    """An upload, if this transaction's tenant may see it."""
    return await session.get(ReportUpload, upload_id)
