"""Read report files that a seller hands over himself: an audit without SP-API access."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from integrations_backend.archive import Archive
from integrations_backend.reports import queries
from integrations_backend.reports.errors import NoSuchUpload, UnreadableReport
from integrations_backend.reports.ingest import ingest_report
from integrations_backend.reports.kinds import SETTLEMENT, ReportKind, fold, sniff
from integrations_backend.reports.marketplaces import (
    Marketplace,
    marketplace,
    marketplace_of_country,
    marketplace_of_currency,
)
from integrations_backend.reports.models import ReportUpload
from integrations_backend.reports.read import ParsedReport, decode, header_of, read_text
from integrations_backend.reports.received import ReceivedReport
from integrations_backend.reports.schemas import RejectedRowView, Upload, UploadedFile
from integrations_backend.reports.settlements import summarise
from opside_chassis.database import Sessions, transaction
from opside_chassis.ids import new_id

MOST_REJECTED_SHOWN = 20
DEFAULT_STORE = "ATVPDKIKX0DER"


@dataclass(frozen=True, slots=True)
class HandedOver:
    """One file on disk, under the name the seller gave it."""

    name: str
    content: Path


async def read_uploads(
    sessions: Sessions, archive: Archive, files: Sequence[HandedOver], *, user_id: str
) -> Upload:
    """Read every file, or none: a file that cannot be read refuses the upload and names itself.

    Raises:
        UnreadableReport: which file, and what is wrong with it.
    """
    upload_id = new_id("upl")
    understood = [await asyncio.to_thread(_understand, one) for one in files]
    views = []
    for handed_over, (parsed, store) in zip(files, understood, strict=True):
        await ingest_report(
            sessions,
            archive,
            ReceivedReport(
                user_id=user_id,
                sync_id=upload_id,
                report_type=parsed.kind.report_type,
                marketplace_id=store.id,
                report_id="",
                document_id=f"upload:{_digest(handed_over.content)}",
                content=handed_over.content,
            ),
        )
        views.append(_view(handed_over, parsed))
    upload = Upload(upload_id=upload_id, files=views, claims=0, losses=0)
    async with transaction(sessions, tenant=user_id) as session:
        await queries.add_upload(
            session,
            ReportUpload(
                id=upload_id,
                user_id=user_id,
                files={"files": [view.model_dump(mode="json") for view in views]},
            ),
        )
    return upload


async def read_upload(sessions: Sessions, *, user_id: str, upload_id: str) -> Upload:
    """An earlier upload.

    Raises:
        NoSuchUpload: unknown, or of somebody else.
    """
    async with transaction(sessions, tenant=user_id) as session:
        row = await queries.upload_by_id(session, upload_id)
    if row is None:
        raise NoSuchUpload("there is no such upload")
    return Upload(
        upload_id=row.id,
        files=[UploadedFile.model_validate(one) for one in row.files["files"]],
        claims=row.claims,
        losses=row.losses,
    )


def _understand(handed_over: HandedOver) -> tuple[ParsedReport, Marketplace]:
    try:
        # Dates and numbers follow from the store, which the file itself must show.
        text = decode(
            handed_over.content.read_bytes(), charset=None, store=marketplace(DEFAULT_STORE)
        )
        kind = _kind_of(text)
        store = _store_of(text, kind)
        return read_text(text, kind, store=store), store
    except UnreadableReport as error:
        raise UnreadableReport(f"{handed_over.name}: {error.detail}") from error


def _kind_of(text: str) -> ReportKind:
    names, _ = header_of(text)
    kind = sniff(names)
    if kind is None:
        raise UnreadableReport("its header line is of no report that we know")
    return kind


def _store_of(text: str, kind: ReportKind) -> Marketplace:
    """The store of the first row's currency or, in the ledger, which has none, of its country."""
    names, separator = header_of(text)
    lines = text.split("\n", 2)
    cells = [cell.strip().strip('"') for cell in lines[1].split(separator)] if lines[1:] else []
    first = dict(zip((fold(name) for name in names), cells, strict=False))
    currency = "currency" if kind.report_type == SETTLEMENT else fold(kind.currency or "")
    return (
        marketplace_of_currency(first.get(currency, ""))
        or marketplace_of_country(first.get("country", ""))
        or marketplace(DEFAULT_STORE)
    )


def _digest(content: Path) -> str:
    with content.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _view(handed_over: HandedOver, parsed: ParsedReport) -> UploadedFile:
    shown = parsed.rejected[:MOST_REJECTED_SHOWN]
    is_settlement = parsed.kind.report_type == SETTLEMENT
    return UploadedFile(
        name=handed_over.name,
        report_type=parsed.kind.report_type,
        rows=parsed.frame.height,
        rejected=len(parsed.rejected),
        first_rejected=[RejectedRowView(line=row.line, reason=row.reason) for row in shown],
        settlement=summarise(parsed.frame) if is_settlement else None,
    )
