"""A report file's header line: which column stands where, and how cells are parted."""

from dataclasses import dataclass
from pathlib import Path

from integrations_backend.reports.errors import UnreadableReport
from integrations_backend.reports.kinds import Column, ReportKind, fold, sniff
from integrations_backend.reports.lines import first_lines
from integrations_backend.reports.marketplaces import Marketplace

MOST_COLUMNS = 60
"""Amazon's widest report has some thirty; a file with thousands is an attack or no report."""
OTHER_COLUMNS = 20
"""So many columns a report may have beside those that we use."""
_PACKED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip"}
TAB, COMMA = "\t", ","


@dataclass(frozen=True, slots=True)
class Layout:
    """How the lines of one file are read. `places` has the columns that the file does have."""

    kind: ReportKind
    store: Marketplace
    separator: str
    names: tuple[str, ...]
    places: dict[str, int]

    @property
    def width(self) -> int:
        """How many cells a line may have."""
        return len(self.names)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the type that this file has."""
        return tuple(column for column in self.kind.columns if column.name in self.places)


def header_of(text: str) -> tuple[list[str], str]:
    """The first line's names and the separator (tab from the API, comma from Seller Central).

    Raises:
        UnreadableReport: far more columns than any report has.
    """
    first = text.split("\n", 1)[0].rstrip("\r")
    separator = TAB if TAB in first else COMMA
    names = [name.strip().strip('"').strip() for name in first.split(separator)]
    if len(names) > MOST_COLUMNS:
        raise UnreadableReport(f"the file has {len(names)} columns; no report has that many")
    return names, separator


def kind_of(path: Path) -> ReportKind:
    """The report type of a file, by its header line.

    Raises:
        UnreadableReport: it is none that we know.
    """
    with path.open("rb") as source:
        begin = source.read(4)
    for mark, name in _PACKED.items():
        if begin.startswith(mark):
            raise UnreadableReport(f"the file is packed ({name}): unpack it first")
    kind = sniff(header_of(first_lines(path, 1)[0])[0])
    if kind is None:
        raise UnreadableReport("its header line is of no report that we know")
    return kind


def layout_of(text: str, kind: ReportKind, store: Marketplace) -> Layout:
    """The layout that the first line of `text` tells.

    Raises:
        UnreadableReport: a column that the type needs is missing or stands twice, or there are far
            more columns than this type has.
    """
    names, separator = header_of(text)
    folded = [fold(name) for name in names]
    missing = kind.required - set(folded)
    if missing:
        raise UnreadableReport(f"columns are missing: {', '.join(sorted(missing))}")
    if len(folded) > len(kind.columns) + OTHER_COLUMNS:
        raise UnreadableReport(f"the file has {len(folded)} columns; this report has fewer")
    twice = [column.name for column in kind.columns if folded.count(column.folded) > 1]
    if twice:
        raise UnreadableReport(f"columns stand twice: {', '.join(twice)}")
    places = {
        column.name: folded.index(column.folded)
        for column in kind.columns
        if column.folded in folded
    }
    return Layout(kind, store, separator, tuple(names), places)
