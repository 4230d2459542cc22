"""What makes a row the same row in another file: its meaning-carrying cells, and how-manieth it is.

No report has a row id, and identical rows are real: two pieces lost on the same day at the same place.
"""

import polars as pl

from integrations_backend.archive import LINE, OCCURRENCE
from integrations_backend.reports.kinds import Kind, ReportKind

_HASH = "\x00hash"


def identity_of(kind: ReportKind) -> list[str]:
    """The columns that make a row's identity."""
    return [column.name for column in kind.columns if column.identity]


def day_of(kind: ReportKind) -> str | None:
    """The column whose month a row is kept under: a row that moved would be counted twice.

    So it is of the row's identity; None for a type that has no such day.
    """
    days = (Kind.DAY, Kind.MOMENT)
    found = (c.name for c in kind.columns if c.identity and c.required and c.kind in days)
    return next(found, None)


class Occurrences:
    """Numbers the rows of a file that comes in batches; holds 12 bytes a row, no cell.

    Rows are compared by a hash of 64 bits: that two different rows of ten million share one is a
    matter of one in three hundred thousand, and then the later one is merely its own second.
    """

    def __init__(self, kind: ReportKind) -> None:
        self._identity = identity_of(kind)
        self._hashes: list[pl.Series] = []
        self._lines: list[pl.Series] = []

    def number(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with their numbers, as far as this batch alone tells."""
        hashes = rows.select(self._identity).hash_rows()
        self._hashes.append(hashes)
        self._lines.append(rows[LINE])
        ones = rows.with_columns(pl.lit(1, dtype=pl.UInt32).alias(OCCURRENCE))
        repeated = _repeated(hashes.sort())
        if repeated.is_empty():
            return ones
        places = hashes.is_in(repeated.implode()).arg_true()
        found = hashes.gather(places).to_frame(_HASH)
        numbers = found.select(pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).over(_HASH))
        return ones.with_columns(ones[OCCURRENCE].scatter(places, numbers.to_series()))

    def corrections(self) -> pl.DataFrame | None:
        """Line and number of rows whose like stand in several batches; None: every number is right."""
        if len(self._hashes) <= 1:
            return None
        across = _repeated(pl.concat([one.unique() for one in self._hashes]).sort())
        if across.is_empty():
            return None
        repeated = across.implode()
        found = [
            pl.DataFrame({_HASH: hashes, LINE: lines}).filter(pl.col(_HASH).is_in(repeated))
            for hashes, lines in zip(self._hashes, self._lines, strict=True)
        ]
        return (
            pl.concat(found)
            .sort(_HASH, LINE)
            .select(
                LINE, pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).over(_HASH).alias(OCCURRENCE)
            )
            .filter(pl.col(OCCURRENCE) > 1)
            .sort(LINE)
        )


def _repeated(ordered: pl.Series) -> pl.Series:
    return ordered.filter(ordered == ordered.shift(1)).unique()
