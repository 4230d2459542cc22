"""What uploaded files are: each one's report type by its header, its store by its first row."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from integrations_backend.reports.errors import UnreadableReport
from integrations_backend.reports.kinds import SETTLEMENT, ReportKind, fold, sniff
from integrations_backend.reports.marketplaces import (
    Marketplace,
    marketplace_of_country,
    marketplace_of_currency,
)
from integrations_backend.reports.read import ParsedReport, decode, header_of, read_text
from integrations_backend.reports.schemas import RejectedRowView, UploadedFile
from integrations_backend.reports.settlements import summarise

FIRST_LINES_BYTES = 64 * 1024
MOST_REJECTED_SHOWN = 20


@dataclass(frozen=True, slots=True)
class HandedOver:
    """One file on disk, under the name the seller gave it."""

    name: str
    content: Path


@dataclass(frozen=True, slots=True)
class Understood:
    """What each file is, with the store that it was read as, and the store of the upload."""

    store: Marketplace
    files: tuple[tuple[UploadedFile, Marketplace], ...]


def understand(files: Sequence[HandedOver], *, usual: Marketplace) -> Understood:
    """Read every file. Dates and numbers follow from the store, which not every file shows.

    A file that shows none is read as the others of its upload; where none does, as `usual`.

    Raises:
        UnreadableReport: which file, and what is wrong with it.
    """
    kinds, shown = [], []
    for file in files:
        with _naming(file):
            kinds.append(_kind(file))
            shown.append(_shown_store(file, kinds[-1]))
    store = next((one for one in shown if one is not None), usual)
    read = []
    for file, kind, own in zip(files, kinds, shown, strict=True):
        with _naming(file):
            text = decode(file.content.read_bytes(), charset=None, store=own or store)
            # The rows themselves are let go: twenty files at once are more than memory may hold.
            read.append((_view(file, read_text(text, kind, store=own or store)), own or store))
    return Understood(store, tuple(read))


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


@contextmanager
def _naming(file: HandedOver) -> Iterator[None]:
    try:
        yield
    except UnreadableReport as error:
        raise UnreadableReport(f"{file.name}: {error.detail}") from error


def _kind(file: HandedOver) -> ReportKind:
    names, _ = header_of(_first_lines(file)[0])
    kind = sniff(names)
    if kind is None:
        raise UnreadableReport("its header line is of no report that we know")
    return kind


def _shown_store(file: HandedOver, kind: ReportKind) -> Marketplace | None:
    """The store of the first row's currency or, in the ledger, which has none, of its country."""
    header, row = _first_lines(file)
    names, separator = header_of(header)
    cells = [cell.strip().strip('"') for cell in row.split(separator)]
    first = dict(zip((fold(name) for name in names), cells, strict=False))
    currency = "currency" if kind.report_type == SETTLEMENT else fold(kind.currency or "")
    return marketplace_of_currency(first.get(currency, "")) or marketplace_of_country(
        first.get("country", "")
    )


def _first_lines(file: HandedOver) -> tuple[str, str]:
    """Header and first row; what they say of type and store is ASCII in every character set."""
    with file.content.open("rb") as source:
        head = source.read(FIRST_LINES_BYTES)
    lines = head.decode("utf-8-sig", errors="replace").split("\n", 2)
    return lines[0], lines[1] if len(lines) > 1 else ""
