"""Read one document into the archive, once."""

import asyncio
import gzip
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from integrations_backend.archive import Archive, Document
from integrations_backend.reports import queries
from integrations_backend.reports.kinds import KINDS, ReportKind, is_personal
from integrations_backend.reports.layout import header_of
from integrations_backend.reports.lines import first_lines
from integrations_backend.reports.marketplaces import Marketplace, marketplace
from integrations_backend.reports.partitions import WrittenRows, write_rows
from integrations_backend.reports.received import IngestedReport, ReceivedReport
from opside_chassis.database import Sessions, transaction

_FASTEST = 1


@dataclass(frozen=True, slots=True)
class ReadReport:
    """A file's rows on disk, and the file packed; `packed` None: it tells of buyers, so it goes."""

    written: WrittenRows
    packed: Path | None


async def ingest_report(
    sessions: Sessions, archive: Archive, report: ReceivedReport, read: ReadReport | None = None
) -> IngestedReport:
    """Archive the file and its typed rows; a document that was read before is not read again.

    `read`: what was read from it already.

    Raises:
        UnreadableReport: the file as a whole is not a report of its type.
        KeyError: a report type or marketplace that we do not know.
    """
    async with transaction(sessions, tenant=report.user_id) as session:
        number, archived_as = await queries.register_document(session, report)
        if archived_as is not None:
            return IngestedReport(*await queries.document_counts(session, number))
    # Parsing is pure computation of maybe minutes: the event loop goes on meanwhile.
    written, name = await asyncio.to_thread(_archive, archive, report, number, read)
    async with transaction(sessions, tenant=report.user_id) as session:
        noted = await queries.finish_document(
            session,
            number,
            user_id=report.user_id,
            archived_as=name,
            rows=written.rows,
            rejected=written.rejected,
            kept=written.first_rejected,
        )
    if not noted:
        await asyncio.to_thread(archive.drop, name)
    return IngestedReport(written.rows, written.rejected)


def _archive(
    archive: Archive, report: ReceivedReport, number: int, read: ReadReport | None
) -> tuple[WrittenRows, str]:
    def keep(done: ReadReport) -> tuple[WrittenRows, str]:
        document = Document(report.document_id, number)
        return done.written, archive.keep(
            done.written, user_id=report.user_id, document=document, packed=done.packed
        )

    if read is not None:
        return keep(read)
    kind, store = KINDS[report.report_type], marketplace(report.marketplace_id)
    with reading(
        report.content, kind, store=store, charset=report.charset, packed=report.packed
    ) as done:
        return keep(done)


@contextmanager
def reading(
    content: Path,
    kind: ReportKind,
    *,
    store: Marketplace,
    charset: str | None = None,
    packed: Path | None = None,
) -> Iterator[ReadReport]:
    """Read a file; what it became stands in a folder until the end of the block.

    `packed` is the same file as it came; where it came unpacked it is packed meanwhile.
    """
    with (
        tempfile.TemporaryDirectory(prefix="opside-rows-") as folder,
        ThreadPoolExecutor(1) as beside,
    ):
        place = Path(folder)
        personal = any(is_personal(name) for name in header_of(first_lines(content, 1)[0])[0])
        packing = None
        if packed is None and not personal:
            packing = beside.submit(_pack, content, place / "received.gz")
        written = write_rows(content, kind, place / "rows", store=store, charset=charset)
        if packing is not None:
            packed = packing.result()
        yield ReadReport(written, None if personal else packed)


def _pack(content: Path, target: Path) -> Path:
    with content.open("rb") as source, gzip.open(target, "wb", compresslevel=_FASTEST) as packed:
        shutil.copyfileobj(source, packed)
    return target
