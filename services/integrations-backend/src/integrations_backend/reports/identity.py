"""What makes a row the same row in another file: its meaning-carrying cells, and how-manieth it is.

No report has a row id, and identical rows are real: two pieces lost on the same day at the same place.
"""

import polars as pl

from integrations_backend.archive import LINE, OCCURRENCE
from integrations_backend.reports.kinds import Kind, ReportKind

HASH = "\x00hash"
"""Of a row's identity, beside its `LINE`."""


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


def hashes(rows: pl.DataFrame, kind: ReportKind) -> pl.DataFrame:
    """`LINE` and `HASH` of rows."""
    return pl.DataFrame({LINE: rows[LINE], HASH: rows.select(identity_of(kind)).hash_rows()})


class Occurrences:
    """Numbers the rows of a file that comes in parts; holds 8 bytes a row, no cell.

    Rows are compared by a hash of 64 bits: that two different rows of ten million share one is a
    matter of one in three hundred thousand, and then the later one is merely its own second.
    """

    def __init__(self) -> None:
        self._seen = pl.Series(HASH, dtype=pl.UInt64)

    def repeated(self, part: pl.DataFrame) -> pl.DataFrame:
        """Of the next part (as `hashes`): line and number of rows that are not the first of their like."""
        ordered = part[HASH].sort()
        again = (ordered == ordered.shift(1)).fill_null(value=False) | (self._times(ordered) > 0)
        alike = ordered.filter(again).unique()
        found = part.filter(pl.col(HASH).is_in(alike.implode()))
        place = pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).over(HASH)
        numbered = found.select(LINE, (place + self._times(found[HASH])).alias(OCCURRENCE))
        self._seen = _merged(self._seen, ordered)
        return numbered.filter(pl.col(OCCURRENCE) > 1)

    def _times(self, rows: pl.Series) -> pl.Series:
        """How often the parts before had rows of each hash."""
        if self._seen.is_empty():
            return pl.zeros(len(rows), dtype=pl.UInt32, eager=True)
        last = self._seen.search_sorted(rows, "right")
        return (last - self._seen.search_sorted(rows, "left")).cast(pl.UInt32)


def _merged(one: pl.Series, other: pl.Series) -> pl.Series:
    """Two ordered series as one."""
    return one.to_frame().merge_sorted(other.to_frame(), HASH).to_series()
