"""Read one document into the archive, once."""

import asyncio

from integrations_backend.archive import Archive, Document
from integrations_backend.reports import queries
from integrations_backend.reports.kinds import KINDS
from integrations_backend.reports.marketplaces import marketplace
from integrations_backend.reports.read import read_file
from integrations_backend.reports.received import IngestedReport, ReceivedReport
from opside_chassis.database import Sessions, transaction


async def ingest_report(
    sessions: Sessions, archive: Archive, report: ReceivedReport
) -> IngestedReport:
    """Archive the file and its typed rows; a document that was read before is not read again.

    Raises:
        UnreadableReport: the file as a whole is not a report of its type.
        KeyError: a report type or marketplace that we do not know.
    """
    async with transaction(sessions, tenant=report.user_id) as session:
        number, archived_as = await queries.register_document(session, report)
        if archived_as is not None:
            return IngestedReport(*await queries.document_counts(session, number))
    store = marketplace(report.marketplace_id)
    kind = KINDS[report.report_type]
    # Parsing is pure computation of maybe seconds: the event loop goes on meanwhile.
    parsed = await asyncio.to_thread(
        read_file, report.content, kind, store=store, charset=report.charset
    )
    archived_as = await asyncio.to_thread(
        archive.keep,
        report.content,
        parsed.frame,
        user_id=report.user_id,
        report_type=report.report_type,
        document=Document(report.document_id, number),
    )
    async with transaction(sessions, tenant=report.user_id) as session:
        await queries.finish_document(
            session,
            number,
            user_id=report.user_id,
            archived_as=archived_as,
            rows=parsed.frame.height,
            rejected=parsed.rejected,
        )
    return IngestedReport(parsed.frame.height, len(parsed.rejected))
