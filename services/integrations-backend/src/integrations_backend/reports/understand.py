"""What uploaded files are: each one's report type by its header, its store by its first row."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from integrations_backend.archive import LINE
from integrations_backend.reports.careful import split
from integrations_backend.reports.errors import UnreadableReport
from integrations_backend.reports.ingest import ReadReport, reading
from integrations_backend.reports.kinds import SETTLEMENT, ReportKind, fold
from integrations_backend.reports.layout import header_of, kind_of
from integrations_backend.reports.lines import first_lines
from integrations_backend.reports.marketplaces import (
    Marketplace,
    marketplace_of_country,
    marketplace_of_currency,
)
from integrations_backend.reports.partitions import WrittenRows
from integrations_backend.reports.schemas import RejectedRowView, UploadedFile
from integrations_backend.reports.settlements import summarise

MOST_REJECTED_SHOWN = 20


@dataclass(frozen=True, slots=True)
class HandedOver:
    """One file on disk, under the name the seller gave it."""

    name: str
    content: Path


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What a file is, the store that it was read as, and its rows."""

    view: UploadedFile
    store: Marketplace
    read: ReadReport


@dataclass(frozen=True, slots=True)
class Understood:
    """What was handed over, and the store of the upload."""

    store: Marketplace
    files: tuple[ReadFile, ...]


@contextmanager
def understanding(files: Sequence[HandedOver], *, usual: Marketplace) -> Iterator[Understood]:
    """Read every file. Dates and numbers follow from the store, which not every file shows.

    A file that shows none is read as the others of its upload; where none does, as `usual`. The rows
    stand on disk until the end of the block.

    Raises:
        UnreadableReport: which file, and what is wrong with it.
    """
    kinds, shown = [], []
    for file in files:
        with _naming(file):
            kinds.append(kind_of(file.content))
            shown.append(_shown_store(file, kinds[-1]))
    store = next((one for one in shown if one is not None), usual)
    found = []
    with ExitStack() as places:
        for file, kind, own in zip(files, kinds, shown, strict=True):
            with _naming(file):
                read = places.enter_context(reading(file.content, kind, store=own or store))
                found.append(ReadFile(_view(file, read.written), own or store, read))
        yield Understood(store, tuple(found))


def _view(handed_over: HandedOver, written: WrittenRows) -> UploadedFile:
    shown = written.first_rejected[:MOST_REJECTED_SHOWN]
    is_settlement = written.kind.report_type == SETTLEMENT
    return UploadedFile(
        name=handed_over.name,
        report_type=written.kind.report_type,
        rows=written.rows,
        rejected=written.rejected,
        first_rejected=[RejectedRowView(line=row.line, reason=row.reason) for row in shown],
        settlement=summarise(written.scan().sort(LINE).collect()) if is_settlement else None,
    )


@contextmanager
def _naming(file: HandedOver) -> Iterator[None]:
    try:
        yield
    except UnreadableReport as error:
        raise UnreadableReport(f"{file.name}: {error.detail}") from error


def _shown_store(file: HandedOver, kind: ReportKind) -> Marketplace | None:
    """The store of the first row's currency or, in the ledger, which has none, of its country."""
    header, row = _first_lines(file)
    names, separator = header_of(header)
    first = dict(zip((fold(name) for name in names), split(row, separator), strict=False))
    currency = "currency" if kind.report_type == SETTLEMENT else fold(kind.currency or "")
    return marketplace_of_currency(first.get(currency, "")) or marketplace_of_country(
        first.get("country", "")
    )


def _first_lines(file: HandedOver) -> list[str]:
    """Header and first row; what they say of type and store is ASCII in every character set."""
    return [*first_lines(file.content, 2), "", ""][:2]
