"""From a report file to Parquet: one file a month of rows, in a folder, with memory for one batch."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from integrations_backend.archive import LINE, OCCURRENCE
from integrations_backend.reports.identity import Occurrences, day_of, identity_of
from integrations_backend.reports.kinds import ReportKind
from integrations_backend.reports.lines import charsets
from integrations_backend.reports.marketplaces import Marketplace
from integrations_backend.reports.read import (
    RejectedRow,
    no_charset_fits,
    read_batches,
    schema_of,
)

UNDATED = "undated"
"""The period of rows that name no day, and of types that have none."""
KEPT_ASIDE = "kept-aside.csv"
MOST_SHOWN = 1_000
"""Rows kept aside that are held in memory too; the file has them all."""
ROWS_IN_MEMORY = 1_000_000
"""Typed rows that wait until their months' files are worth writing."""
_MONTH = "\x00month"


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
    occurrences, months = Occurrences(kind), _Months(kind, folder)
    shown: list[RejectedRow] = []
    rejected = 0
    with path.open("rb") as source, (folder / KEPT_ASIDE).open("w", newline="") as aside:
        table = csv.writer(aside)
        table.writerow(("line", "reason"))
        for batch in read_batches(source, kind, store=store, charset=charset):
            rejected += len(batch.rejected)
            shown += batch.rejected[: MOST_SHOWN - len(shown)]
            table.writerows((row.line, row.reason) for row in batch.rejected)
            months.add(occurrences.number(batch.rows))
    months.write()
    written = WrittenRows(kind, folder, months.rows, rejected, tuple(shown))
    corrections = occurrences.corrections()
    if corrections is not None:
        for one in written.files:
            _correct(one, corrections)
    return written


class _Months:
    """Rows on their way into files, parted by month; memory holds `ROWS_IN_MEMORY` of them."""

    def __init__(self, kind: ReportKind, folder: Path) -> None:
        self.rows = 0
        self._day = day_of(kind)
        self._schema = stored_schema(kind)
        self._folder = folder
        self._waiting: dict[str, list[pl.DataFrame]] = defaultdict(list)
        self._count = 0
        self._flushes = 0

    def add(self, rows: pl.DataFrame) -> None:
        """Take a batch."""
        self.rows += rows.height
        self._count += rows.height
        if self._day is None:
            self._waiting[UNDATED].append(rows)
        else:
            month = pl.col(self._day).dt.year().cast(pl.Int32) * 100 + pl.col(self._day).dt.month()
            ordered = rows.with_columns(month.alias(_MONTH)).sort(_MONTH, maintain_order=True)
            start = 0
            for run in ordered.drop_in_place(_MONTH).rle():
                self._waiting[_period(run["value"])].append(ordered.slice(start, run["len"]))
                start += run["len"]
        if self._count >= ROWS_IN_MEMORY:
            self.write()

    def write(self) -> None:
        """Everything that waits into files."""
        if not self._waiting and not self._flushes:
            self._waiting[UNDATED].append(pl.DataFrame(schema=self._schema))
        for period, parts in self._waiting.items():
            folder = self._folder / period
            folder.mkdir(exist_ok=True)
            rows = pl.concat(parts).select(*self._schema)
            _write_parquet(rows, folder / f"{self._flushes:04d}.parquet")
        self._waiting.clear()
        self._count = 0
        self._flushes += 1


def _period(month: int | None) -> str:
    return UNDATED if month is None else f"{month // 100:04d}-{month % 100:02d}"


def _correct(file: Path, corrections: pl.DataFrame) -> None:
    """Numbers that only the whole file tells: rows whose like stand far apart in it."""
    rows = pl.read_parquet(file)
    right = rows.join(corrections, on=LINE, how="left", maintain_order="left", suffix=" right")
    if right[f"{OCCURRENCE} right"].null_count() < rows.height:
        number = pl.coalesce(f"{OCCURRENCE} right", OCCURRENCE)
        _write_parquet(right.with_columns(number.alias(OCCURRENCE)).select(rows.columns), file)


def _write_parquet(rows: pl.DataFrame, file: Path) -> None:
    """Quickly: a sync waits for it, and months are small enough to be read without statistics."""
    rows.write_parquet(file, compression="lz4", statistics=False)
