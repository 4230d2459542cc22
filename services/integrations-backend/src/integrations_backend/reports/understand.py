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
from integrations_backend.reports.schemas import RefusedFile, RejectedRowView, UploadedFile
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

    content: Path
    view: UploadedFile
    store: Marketplace
    read: ReadReport


@dataclass(frozen=True, slots=True)
class Understood:
    """What was handed over, the store of the upload, and the files that could not be read."""

    store: Marketplace
    files: tuple[ReadFile, ...]
    refused: tuple[RefusedFile, ...]


@contextmanager
def understanding(files: Sequence[HandedOver], *, usual: Marketplace) -> Iterator[Understood]:
    """Read every file that can be read. Dates and numbers follow from the store, which not every one shows.

    A file that shows none is read as the others of its upload; where none does, as `usual`. The rows
    stand on disk until the end of the block.

    Raises:
        UnreadableReport: none of the files can be read; the first says why.
    """
    refused: dict[int, RefusedFile] = {}
    known: dict[int, tuple[ReportKind, Marketplace | None]] = {}
    for place, file in enumerate(files):
        with _refusing(refused, place, file):
            kind = kind_of(file.content)
            known[place] = kind, _shown_store(file, kind)
    store = next((own for _, own in known.values() if own is not None), usual)
    found = []
    with ExitStack() as places:
        for place, (kind, own) in known.items():
            file = files[place]
            with _refusing(refused, place, file):
                read = places.enter_context(reading(file.content, kind, store=own or store))
                view = _view(file, read.written)
                found.append(ReadFile(file.content, view, own or store, read))
        told = tuple(refused[place] for place in sorted(refused))
        if told and not found:
            raise UnreadableReport(f"{told[0].name}: {told[0].reason}")
        yield Understood(store, tuple(found), told)


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
def _refusing(refused: dict[int, RefusedFile], place: int, file: HandedOver) -> Iterator[None]:
    """A file that cannot be read holds no other one back."""
    try:
        yield
    except UnreadableReport as error:
        refused[place] = RefusedFile(name=file.name, reason=error.detail)


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
