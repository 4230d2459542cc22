"""Read a report file: every row becomes typed cells or is kept aside with its line and a reason."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from integrations_backend.archive import OCCURRENCE, ROW_KEY
from integrations_backend.reports.cells import DTYPES, typed
from integrations_backend.reports.errors import UnreadableReport
from integrations_backend.reports.kinds import Column, Kind, ReportKind, fold
from integrations_backend.reports.marketplaces import Marketplace

LARGEST_FILE_BYTES = 512 * 1024 * 1024
MOST_COLUMNS = 60
"""Amazon's widest report has some thirty; a file with thousands is an attack or no report."""
OTHER_COLUMNS = 20
"""So many columns a report may have beside those that we use."""
BATCH_ROWS = 20_000
"""Rows that are cut into cells at once: empty cells cost memory though the file has no byte of them."""
MOST_CELLS = 40_000_000
"""Of rows that are kept; the largest settlements have some thirty million."""
MOST_REJECTED = 100_000
LINE = "line"
_SEPARATOR = "\x1f"
_WHY = "\x00why"
"""Why a row is rejected; reports have a column called reason, none has a NUL in its name."""


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was not understood: its line in the file (the header is 1) and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ParsedReport:
    """The typed rows of a file. Columns keep Amazon's names; money is minor units."""

    kind: ReportKind
    frame: pl.DataFrame
    rejected: tuple[RejectedRow, ...]


def decode(data: bytes, *, charset: str | None, store: Marketplace) -> str:
    """The file's text: the announced charset, else UTF-8, else the store's older one.

    Raises:
        UnreadableReport: undecodable, or not text at all; bytes are never dropped silently.
    """
    if b"\x00" in data:
        raise UnreadableReport("the file holds NUL bytes: it is not a report text file")
    for candidate in (charset, "utf-8-sig", store.legacy_charset):
        if candidate is None:
            continue
        try:
            return data.decode(candidate).lstrip("\ufeff")
        except (UnicodeDecodeError, LookupError):
            continue
    raise UnreadableReport("the file is in no character set that this marketplace uses")


def header_of(text: str) -> tuple[list[str], str]:
    """The first line's names and the separator (tab from the API, comma from Seller Central)."""
    first = text.split("\n", 1)[0].rstrip("\r")
    separator = "\t" if "\t" in first else ","
    names = [name.strip().strip('"') for name in first.split(separator)]
    if len(names) > MOST_COLUMNS:
        raise UnreadableReport(f"the file has {len(names)} columns; no report has that many")
    return names, separator


def read_file(
    path: Path, kind: ReportKind, *, store: Marketplace, charset: str | None = None
) -> ParsedReport:
    """Read a whole file from disk; see `read_text`."""
    if path.stat().st_size > LARGEST_FILE_BYTES:
        raise UnreadableReport("the file is larger than 512 MiB: split it by period")
    return read_text(decode(path.read_bytes(), charset=charset, store=store), kind, store=store)


def read_text(
    text: str, kind: ReportKind, *, store: Marketplace, most_cells: int = MOST_CELLS
) -> ParsedReport:
    """Typed rows, and the rows that are none.

    Raises:
        UnreadableReport: a column that the type needs is missing, there are far more columns or rows
            than a report has, or almost nothing can be read.
    """
    names, separator = header_of(text)
    folded = [fold(name) for name in names]
    missing = kind.required - set(folded)
    if missing:
        raise UnreadableReport(f"columns are missing: {', '.join(sorted(missing))}")
    if len(folded) > len(kind.columns) + OTHER_COLUMNS:
        raise UnreadableReport(f"the file has {len(folded)} columns; this report has fewer")
    good, rejected, kept = [], list[RejectedRow](), 0
    for first_line, lines in _batches(text):
        rows, aside = _separate(_typed(first_line, lines, folded, separator, kind, store), kind)
        good.append(rows)
        rejected += aside
        kept += rows.height
        if kept * len(kind.columns) > most_cells:
            raise UnreadableReport("the file has too many rows: split it by period")
        if len(rejected) > MOST_REJECTED:
            raise UnreadableReport(f"more than {MOST_REJECTED} rows cannot be read")
    return ParsedReport(kind, _with_identity(pl.concat(good), kind), tuple(rejected))


def _batches(text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines under the header, and which line of the file is the first; at least one batch."""
    lines = _lines(text)
    next(lines)
    line = 2
    while True:
        batch = list(islice(lines, BATCH_ROWS))
        yield line, batch
        line += len(batch)
        if len(batch) < BATCH_ROWS:
            return


def _lines(text: str) -> Iterator[str]:
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield text[start:end]
        start = end + 1
    yield text[start:]


def _typed(
    first_line: int,
    lines: list[str],
    folded: list[str],
    separator: str,
    kind: ReportKind,
    store: Marketplace,
) -> pl.DataFrame:
    cells = _cells(first_line, lines, folded, separator, frozenset(c.folded for c in kind.columns))
    return cells.select(
        pl.col(LINE),
        *(
            typed(column, kind, store).alias(column.name)
            for column in kind.columns
            if column.folded in folded
        ),
        *(
            pl.lit(None, dtype=DTYPES[column.kind]).alias(column.name)
            for column in kind.columns
            if column.folded not in folded
        ),
        pl.col("too_many"),
        *(
            _given(column).alias(f"{column.name}\x00given")
            for column in kind.columns
            if column.folded in folded and column.kind is not Kind.TEXT
        ),
    )


def _cells(
    first_line: int, lines: list[str], folded: list[str], separator: str, used: frozenset[str]
) -> pl.DataFrame:
    raw = pl.Series("raw", lines, dtype=pl.String).str.strip_chars_end("\r")
    numbers = pl.int_range(first_line, first_line + len(raw), eager=True)
    frame = pl.DataFrame({LINE: numbers, "raw": raw})
    frame = frame.filter(pl.col("raw").str.strip_chars() != "")
    if separator == ",":
        parts = pl.col("raw").str.replace_all(r'","', "\t").str.strip_chars('"')
        separator = "\t"
    else:
        parts = pl.col("raw")
    width = len(folded)
    split = parts.str.split_exact(separator, width).struct.rename_fields(
        [f"{place}:{name}" for place, name in enumerate(folded)] + ["beyond"]
    )
    frame = frame.with_columns(split.alias("cells")).unnest("cells")
    first = {name: f"{place}:{name}" for place, name in reversed(list(enumerate(folded)))}
    return frame.select(
        LINE,
        (pl.col("beyond").is_not_null()).alias("too_many"),
        *(_clean(pl.col(source)).alias(name) for name, source in first.items() if name in used),
    )


def _clean(cell: pl.Expr) -> pl.Expr:
    """Strip blanks and one pair of enclosing quotes; a quote inside the text stays."""
    bare = cell.fill_null("").str.strip_chars()
    quoted = bare.str.starts_with('"') & bare.str.ends_with('"') & (bare.str.len_chars() > 1)
    return pl.when(quoted).then(bare.str.slice(1, bare.str.len_chars() - 2)).otherwise(bare)


def _given(column: Column) -> pl.Expr:
    return pl.col(column.folded) != ""


def _separate(typed: pl.DataFrame, kind: ReportKind) -> tuple[pl.DataFrame, Iterator[RejectedRow]]:
    checked = [c for c in kind.columns if f"{c.name}\x00given" in typed.columns]
    bad = [
        pl.when(pl.col(f"{c.name}\x00given") & pl.col(c.name).is_null()).then(pl.lit(c.name))
        for c in checked
    ]
    empty = [
        pl.when(~pl.col(f"{c.name}\x00given")).then(pl.lit(c.name))
        for c in checked
        if c.required and not c.blank
    ]
    reasons = typed.with_columns(
        pl.when(pl.col("too_many"))
        .then(pl.lit("has more cells than the header"))
        .otherwise(
            pl.coalesce(
                [pl.concat_str(pl.lit("cannot read "), one) for one in bad]
                + [pl.concat_str(pl.lit("lacks "), one) for one in empty]
                + [pl.lit(None, dtype=pl.String)]
            )
        )
        .alias(_WHY)
    )
    rejected = reasons.filter(pl.col(_WHY).is_not_null()).select(LINE, _WHY)
    good = reasons.filter(pl.col(_WHY).is_null()).select(LINE, *(c.name for c in kind.columns))
    return good, (RejectedRow(*row) for row in rejected.iter_rows())


def _with_identity(frame: pl.DataFrame, kind: ReportKind) -> pl.DataFrame:
    """No report has a row id, and identical rows are real: key = cells + how-manieth in this file."""
    identity = [
        pl.col(column.name).cast(pl.String).fill_null("")
        for column in kind.columns
        if column.identity
    ]
    keyed = frame.with_columns(pl.concat_str(identity, separator=_SEPARATOR).alias(ROW_KEY))
    return keyed.with_columns(pl.col(LINE).cum_count().over(ROW_KEY).alias(OCCURRENCE))
