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
MOST_AT_ONCE = 250_000
"""Lines whose cells are in memory together: empty ones take it though the file has no byte of them."""
MOST_REJECTED = 100_000
"""A file with more of them than of rows is broken as a whole."""


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was not understood: its line in the file (the header is 1) and why."""

    line: int
    reason: str

    def behind(self, lines: int) -> "RejectedRow":
        """The row, when so many more lines stand before it."""
        return RejectedRow(self.line + lines, self.reason)


@dataclass(frozen=True, slots=True)
class Batch:
    """Typed rows in the order of the file, and those between them that are none.

    Their lines count from the batch's first one, which is 0: how many stand before it, the batches
    before it know.
    """

    rows: pl.DataFrame
    rejected: list[RejectedRow]
    lines: int


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
        UnreadableReport: a column that the type needs is missing, or there are far more columns than a
            report has.
    """
    layout: Layout | None = None
    for text in pieces(source, charset, size=piece_bytes):
        if layout is None:
            head, _, rest = text.partition(b"\n")
            layout = layout_of(head.decode(), kind, store)
            yield partial(_read, rest, layout)
        else:
            yield partial(_read, text, layout)
    if layout is None:
        raise UnreadableReport("the file is empty")


@dataclass
class Count:
    """Of what was read so far of a file."""

    line: int = 2
    """The number of the next line; the header is 1."""
    rows: int = 0
    rejected: int = 0

    def add(self, batch: Batch) -> int:
        """Count the next batch; answers the number of its first line.

        Raises:
            UnreadableReport: there are far more lines than a report has, or almost none can be read.
        """
        first = self.line
        self.line += batch.lines
        self.rows += batch.rows.height
        self.rejected += len(batch.rejected)
        if self.line > MOST_LINES:
            raise UnreadableReport(
                f"the file has more than {MOST_LINES:,} lines: split it by period"
            )
        if self.rejected > max(MOST_REJECTED, self.rows):
            raise UnreadableReport(f"more than {MOST_REJECTED} rows cannot be read")
        return first


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
    count = Count()
    frames: list[pl.DataFrame] = []
    rejected: list[RejectedRow] = []
    for part in parts:
        first = count.add(part)
        frames.append(part.rows.with_columns(pl.col(LINE) + first))
        rejected += (row.behind(first) for row in part.rejected)
    numbered = pl.concat(frames).with_columns(
        row_key(identity_of(kind)),
        pl.col(LINE).cum_count().over(identity_of(kind)).alias(OCCURRENCE),
    )
    return ParsedReport(kind, numbered, tuple(rejected))


def _read(piece: bytes, layout: Layout) -> Batch:
    found = read_lines(piece, layout, most=MOST_AT_ONCE)
    if found is None:
        return _read_in_parts(piece, layout)
    sure = found[READABLE]
    numbers = pl.int_range(found.height, dtype=pl.UInt32, eager=True)
    rows = found.drop(READABLE).insert_column(0, numbers.alias(LINE))
    rejected: list[RejectedRow] = []
    if not sure.all():
        lines = piece.split(b"\n")
        odd = [place for place in (~sure).arg_true().to_list() if lines[place].strip()]
        careful, rejected = _carefully(((place, lines[place].decode()) for place in odd), layout)
        rows = rows.filter(sure)
        if careful.height:
            rows = pl.concat([rows, careful]).sort(LINE)
    return Batch(_complete(rows, layout.kind), rejected, found.height)


def _few_lines(text: bytes) -> Iterator[bytes]:
    """Parts of at most `MOST_AT_ONCE` lines."""
    if text.count(b"\n") < MOST_AT_ONCE:
        yield text
        return
    half = text.index(b"\n", len(text) // 2) + 1
    if half == len(text):
        half = text.rindex(b"\n", 0, len(text) // 2) + 1
    yield from _few_lines(text[:half])
    yield from _few_lines(text[half:])


def _read_in_parts(piece: bytes, layout: Layout) -> Batch:
    """Of a piece of very short lines, which no report has: it may be given up for itself alone."""
    count = Count(line=0)
    parts: list[tuple[int, Batch]] = []
    for part in _few_lines(piece):
        batch = _read(part, layout)
        parts.append((count.add(batch), batch))
    rows = pl.concat([part.rows.with_columns(pl.col(LINE) + first) for first, part in parts])
    rejected = [row.behind(first) for first, part in parts for row in part.rejected]
    return Batch(rows, rejected, count.line)


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
