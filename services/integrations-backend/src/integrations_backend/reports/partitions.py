"""From a report file to Parquet: one file a month of rows, in a folder, with memory for one batch."""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from integrations_backend.archive import LINE, OCCURRENCE
from integrations_backend.reports.identity import Occurrences, day_of, hashes, identity_of
from integrations_backend.reports.kinds import ReportKind
from integrations_backend.reports.lines import charsets
from integrations_backend.reports.marketplaces import Marketplace
from integrations_backend.reports.read import (
    Batch,
    Count,
    RejectedRow,
    batches,
    no_charset_fits,
    schema_of,
)
from integrations_backend.reports.side_by_side import side_by_side

UNDATED = "undated"
"""The period of rows that name no day, and of types that have none."""
KEPT_ASIDE = "kept-aside.csv"
MOST_SHOWN = 1_000
"""Rows kept aside that are held in memory too; the file has them all."""
_PAGE_BYTES = 1024 * 1024
ROWS_IN_MEMORY = 1_000_000
"""Typed rows that wait until their months' files are worth writing."""


@dataclass(frozen=True, slots=True)
class WrittenRows:
    """What a file became: `folder` has the rows, and kept-aside.csv (line, reason)."""

    kind: ReportKind
    folder: Path
    rows: int
    rejected: int
    first_rejected: tuple[RejectedRow, ...]

    @property
    def report_type(self) -> str:
        """Amazon's name."""
        return self.kind.report_type

    @property
    def kept_aside(self) -> Path:
        """Every line that was not understood, and why."""
        return self.folder / KEPT_ASIDE

    @property
    def files(self) -> list[Path]:
        """PERIOD/NUMBER.parquet, by period (`2026-10` or `UNDATED`), then in the order of the file."""
        return sorted(self.folder.glob("*/*.parquet"))

    def scan(self) -> pl.LazyFrame:
        """All rows, in the order of the periods, then of the file."""
        return pl.scan_parquet(self.files)


def stored_schema(kind: ReportKind) -> dict[str, pl.DataType]:
    """The columns of stored rows: line, identity, occurrence, the others."""
    schema = {**schema_of(kind), OCCURRENCE: pl.UInt32()}
    return {name: schema[name] for name in (LINE, *identity_of(kind), OCCURRENCE)} | schema


def write_rows(
    path: Path, kind: ReportKind, folder: Path, *, store: Marketplace, charset: str | None = None
) -> WrittenRows:
    """Read a report file into a folder that is empty or not there yet.

    Raises:
        UnreadableReport: the file as a whole is not a report of its type.
    """
    for number, candidate in enumerate(charsets(charset, store)):
        attempt = folder / str(number)
        attempt.mkdir(parents=True)
        try:
            return _write(path, kind, attempt, store, candidate)
        except UnicodeDecodeError:
            continue
    raise no_charset_fits()


def _write(
    path: Path, kind: ReportKind, folder: Path, store: Marketplace, charset: str
) -> WrittenRows:
    months = _Months(kind, folder)
    count = Count()
    shown: list[RejectedRow] = []
    with path.open("rb") as source, (folder / KEPT_ASIDE).open("w", newline="") as aside:
        table = csv.writer(aside)
        table.writerow(("line", "reason"))
        reading = batches(source, kind, store=store, charset=charset)
        for part in side_by_side(partial(_parted, read, kind) for read in reading):
            first = count.add(part.batch)
            rejected = [row.behind(first) for row in part.batch.rejected]
            shown += rejected[: MOST_SHOWN - len(shown)]
            table.writerows((row.line, row.reason) for row in rejected)
            months.add(part, first)
    months.write()
    return WrittenRows(kind, folder, count.rows, count.rejected, tuple(shown))


@dataclass(frozen=True, slots=True)
class _Part:
    """A batch, the hashes of its rows, and the rows by month, each month in the order of the file."""

    batch: Batch
    hashes: pl.DataFrame
    months: list[tuple[str, pl.DataFrame]]


def _parted(read: Callable[[], Batch], kind: ReportKind) -> _Part:
    batch = read()
    # Rows are taken to their months quicker from one piece, hashed quicker as they came.
    months = list(_by_month(batch.rows.rechunk(), day_of(kind)))
    return _Part(batch, hashes(batch.rows, kind), months)


def _by_month(rows: pl.DataFrame, day: str | None) -> Iterator[tuple[str, pl.DataFrame]]:
    if day is None:
        yield UNDATED, rows
        return
    months = _month_numbers(rows[day])
    places = pl.int_range(rows.height, dtype=pl.get_index_type(), eager=True)
    grouped = pl.DataFrame({"month": months, "place": places}).group_by("month").agg("place")
    ordered = grouped["place"].explode(empty_as_null=False)
    if not ordered.is_sorted():
        rows = rows[ordered]
    start = 0
    for month, length in grouped.select("month", pl.col("place").list.len()).iter_rows():
        yield _period(month), rows.slice(start, length)
        start += length


def _month_numbers(moments: pl.Series) -> pl.Series:
    """Year and month of each as one number, looked up since days are few; null where there is none."""
    days = moments.cast(pl.Date).to_physical()
    if days.null_count() == len(days):
        return days
    ends: tuple[Any, Any] = days.min(), days.max()
    first, last = map(int, ends)
    calendar = pl.int_range(first, last + 1, dtype=pl.Int32, eager=True).cast(pl.Date).dt
    return (calendar.year().cast(pl.Int32) * 100 + calendar.month()).gather(days - first)


class _Months:
    """Rows on their way into files, parted by month; memory holds `ROWS_IN_MEMORY` of them."""

    def __init__(self, kind: ReportKind, folder: Path) -> None:
        self._schema = stored_schema(kind)
        self._folder = folder
        self._occurrences = Occurrences()
        self._hashes: list[pl.DataFrame] = []
        self._waiting: dict[str, list[tuple[int, pl.DataFrame]]] = defaultdict(list)
        self._count = 0
        self._flushes = 0

    def add(self, part: _Part, first_line: int) -> None:
        """Take a part, whose first line has this number in the file."""
        self._count += part.hashes.height
        self._hashes.append(part.hashes.with_columns(pl.col(LINE) + first_line))
        for period, rows in part.months:
            self._waiting[period].append((first_line, rows))
        if self._count >= ROWS_IN_MEMORY:
            self.write()

    def write(self) -> None:
        """Everything that waits into files; of a report without rows an empty one."""
        if not self._hashes:
            return
        if not self._waiting and not self._flushes:
            self._waiting[UNDATED].append((0, pl.DataFrame(schema=self._schema).drop(OCCURRENCE)))
        repeated = self._occurrences.repeated(pl.concat(self._hashes))
        for _ in side_by_side(
            partial(self._write_month, period, parts, repeated)
            for period, parts in self._waiting.items()
        ):
            pass
        self._waiting.clear()
        self._hashes.clear()
        self._count = 0
        self._flushes += 1

    def _write_month(
        self, period: str, parts: list[tuple[int, pl.DataFrame]], repeated: pl.DataFrame
    ) -> None:
        folder = self._folder / period
        folder.mkdir(exist_ok=True)
        lines = pl.concat([rows[LINE] + first for first, rows in parts])
        rows = pl.concat([rows for _, rows in parts]).with_columns(lines)
        rows = _numbered(rows, repeated).select(*self._schema)
        _write_parquet(rows, folder / f"{self._flushes:04d}.parquet")


def _period(month: int | None) -> str:
    return UNDATED if month is None else f"{month // 100:04d}-{month % 100:02d}"


def _numbered(rows: pl.DataFrame, repeated: pl.DataFrame) -> pl.DataFrame:
    """With how-manieth each row is: the first, unless it is told otherwise."""
    numbers = pl.repeat(1, rows.height, dtype=pl.UInt32, eager=True).alias(OCCURRENCE)
    if not repeated.is_empty():
        # Rows are in the order of their lines: to search is cheaper than to join.
        lines, others = rows[LINE], repeated[LINE]
        places = lines.search_sorted(others).clip(upper_bound=rows.height - 1)
        here = lines.gather(places) == others
        numbers.scatter(places.filter(here), repeated[OCCURRENCE].filter(here))
    return rows.with_columns(numbers)


def _write_parquet(rows: pl.DataFrame, file: Path) -> None:
    """Quickly: a sync waits for it. Packed it would be a fifth smaller and take a third longer; months
    are small enough to be read without statistics."""
    rows.write_parquet(
        file, compression="uncompressed", statistics=False, data_page_size=_PAGE_BYTES
    )
