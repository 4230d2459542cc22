"""Read a report file in batches: every row becomes typed cells or is kept aside with line and reason."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import polars as pl

from integrations_backend.archive import LINE, OCCURRENCE, row_key
from integrations_backend.reports.careful import Values, read_line
from integrations_backend.reports.cells import DTYPES
from integrations_backend.reports.errors import UnreadableReport
from integrations_backend.reports.fast import READABLE, read_lines
from integrations_backend.reports.identity import identity_of
from integrations_backend.reports.kinds import ReportKind
from integrations_backend.reports.layout import Layout, layout_of
from integrations_backend.reports.lines import PIECE_BYTES, UTF_8, charsets, pieces
from integrations_backend.reports.marketplaces import Marketplace

MOST_LINES = 25_000_000
MOST_REJECTED = 100_000
"""A file with more of them than of rows is broken as a whole."""


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was not understood: its line in the file (the header is 1) and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Typed rows in the order of the file, and those between them that are none."""

    rows: pl.DataFrame
    rejected: list[RejectedRow]


@dataclass(frozen=True, slots=True)
class ParsedReport:
    """The typed rows of a file. Columns keep Amazon's names; money is minor units."""

    kind: ReportKind
    frame: pl.DataFrame
    rejected: tuple[RejectedRow, ...]


def batches(
    source: BinaryIO,
    kind: ReportKind,
    *,
    store: Marketplace,
    charset: str,
    piece_bytes: int = PIECE_BYTES,
) -> Iterator[Callable[[], Batch]]:
    """Calls that each read a part of a file, in its order; they may be made beside each other.

    A call raises `UnicodeDecodeError` when the file is in another character set; so may this.

    Raises:
        UnreadableReport: a column that the type needs is missing, or there are far more columns or
            lines than a report has.
    """
    layout: Layout | None = None
    for piece in pieces(source, charset, size=piece_bytes):
        text, line = piece.text, piece.first_line
        if line + piece.lines > MOST_LINES:
            raise UnreadableReport(
                f"the file has more than {MOST_LINES:,} lines: split it by period"
            )
        if layout is None:
            head, _, text = text.partition(b"\n")
            layout, line = layout_of(head.decode(), kind, store), 2
        yield partial(_read, text, line, layout)
    if layout is None:
        raise UnreadableReport("the file is empty")


def refuse_the_hopeless(rows: int, rejected: int) -> None:
    """Of what was read so far of a file.

    Raises:
        UnreadableReport: almost nothing can be read.
    """
    if rejected > max(MOST_REJECTED, rows):
        raise UnreadableReport(f"more than {MOST_REJECTED} rows cannot be read")


def read_file(
    path: Path, kind: ReportKind, *, store: Marketplace, charset: str | None = None
) -> ParsedReport:
    """All rows of a file at once, for those that fit into memory."""
    with path.open("rb") as source:
        return _read_whole(source, kind, store, charset)


def read_text(text: str, kind: ReportKind, *, store: Marketplace) -> ParsedReport:
    """All rows of a text."""
    return _read_whole(io.BytesIO(text.encode()), kind, store, UTF_8)


def _read_whole(
    source: BinaryIO, kind: ReportKind, store: Marketplace, charset: str | None
) -> ParsedReport:
    for candidate in charsets(charset, store):
        source.seek(0)
        try:
            parts = [read() for read in batches(source, kind, store=store, charset=candidate)]
        except UnicodeDecodeError:
            continue
        return _together(kind, parts)
    raise no_charset_fits()


def no_charset_fits() -> UnreadableReport:
    """What is wrong with a file that no character set explains."""
    return UnreadableReport("the file is in no character set that this marketplace uses")


def schema_of(kind: ReportKind) -> dict[str, pl.DataType]:
    """The columns of typed rows."""
    return {LINE: pl.UInt32()} | {column.name: DTYPES[column.kind] for column in kind.columns}


def _together(kind: ReportKind, parts: list[Batch]) -> ParsedReport:
    frame = pl.concat([part.rows for part in parts])
    rejected = tuple(row for part in parts for row in part.rejected)
    refuse_the_hopeless(frame.height, len(rejected))
    numbered = frame.with_columns(
        row_key(identity_of(kind)),
        pl.col(LINE).cum_count().over(identity_of(kind)).alias(OCCURRENCE),
    )
    return ParsedReport(kind, numbered, rejected)


def _read(piece: bytes, first_line: int, layout: Layout) -> Batch:
    found = read_lines(piece, layout)
    sure = found[READABLE]
    numbers = pl.int_range(first_line, first_line + found.height, dtype=pl.UInt32, eager=True)
    rows = found.drop(READABLE).insert_column(0, numbers.alias(LINE))
    rejected: list[RejectedRow] = []
    if not sure.all():
        lines = piece.split(b"\n")
        odd = [place for place in (~sure).arg_true().to_list() if lines[place].strip()]
        careful, rejected = _carefully(
            ((first_line + place, lines[place].decode()) for place in odd), layout
        )
        rows = rows.filter(sure)
        if careful.height:
            rows = pl.concat([rows, careful]).sort(LINE)
    return Batch(_complete(rows, layout.kind), rejected)


def _carefully(
    lines: Iterator[tuple[int, str]], layout: Layout
) -> tuple[pl.DataFrame, list[RejectedRow]]:
    rows: list[Values] = []
    rejected = []
    for number, line in lines:
        match read_line(line, layout):
            case str(reason):
                rejected.append(RejectedRow(number, reason))
            case dict(values):
                rows.append({LINE: number, **values})
    schema = schema_of(layout.kind)
    given = {name: schema[name] for name in (LINE, *(c.name for c in layout.columns))}
    return pl.DataFrame(rows, schema=given, orient="row"), rejected


def _complete(rows: pl.DataFrame, kind: ReportKind) -> pl.DataFrame:
    """With every column of the type: real files leave out those that have no content."""
    return rows.select(
        pl.col(name)
        if name in rows.columns
        else pl.lit("" if dtype == pl.String else None, dtype=dtype).alias(name)
        for name, dtype in schema_of(kind).items()
    )
