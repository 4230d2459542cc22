"""The ledger's own summary by month: what was there before the first row, and which months do not add up.

Each balance (an item in one state at one place) is followed through its months: one must begin as the one
before ended, end as its own movements say, and have moved what the rows of the ledger moved.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import polars as pl

MOVEMENTS = (
    "receipts",
    "customer-shipments",
    "customer-returns",
    "vendor-returns",
    "warehouse-transfer-in-out",
    "found",
    "lost",
    "damaged",
    "disposed",
    "other-events",
    "unknown-events",
)
"""Outflows are negative; expected, not checked on a real file: the balance is the sum of these."""
_MONTHLY = r"^(0[1-9]|1[0-2])/\d{4}$"
"""Summaries by week or day may be uploaded; their rows would count units of a month again."""
_COUNTRY_LETTERS = 2

Place = tuple[str, str, str]
"""FNSKU, disposition, and centre or country."""
Gap = tuple[str, int, str]
"""Where, by how many units, and why that is one."""


@dataclass(slots=True)
class Balance:
    """Of one item: `opening` is what was there before the first row of the ledger that was read."""

    opening: int = 0
    gaps: list[Gap] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Booked:
    """What the ledger's rows moved, by place and month."""

    moved: Mapping[Place, Mapping[date, int]]
    first_month: date

    def before(self, place: Place, month: date) -> int:
        """Units moved before a month."""
        return sum(units for at, units in self.moved[place].items() if at < month)


def read_balances(summary: pl.LazyFrame, ledger: pl.LazyFrame) -> dict[str, Balance]:
    """By FNSKU, of items that the summary has by month."""
    months = _months(summary)
    kinds = {(fnsku, _is_country(location)) for fnsku, _, location in months}
    booked = _booked(ledger, by_country=any(country for _, country in kinds))
    found: dict[str, Balance] = defaultdict(Balance)
    for place, rows in sorted(months.items()):
        start, first = rows[0]["starting-warehouse-balance"], rows[0]["month"]
        found[place[0]].opening += start - booked.before(place, first)
        found[place[0]].gaps += _chain(place, rows)
    told = [row["month"] for rows in months.values() for row in rows]
    for place in sorted({*months, *booked.moved}) if told else ():
        if (place[0], _is_country(place[2])) in kinds:
            gaps = _beside_the_rows(place, months.get(place, []), booked.moved.get(place, {}))
            # The month in which the ledger begins, and the newest: both may be parts.
            whole = max(min(told), booked.first_month + timedelta(days=1)), max(told)
            found[place[0]].gaps += [gap for month, gap in gaps if whole[0] <= month < whole[1]]
    return dict(found)


def _is_country(location: str) -> bool:
    return len(location) == _COUNTRY_LETTERS


def _months(summary: pl.LazyFrame) -> dict[Place, list[dict[str, Any]]]:
    """Rows by place, oldest first; of an item that is told by centre, those by country are left out."""
    monthly = (
        summary.filter(pl.col("date").str.contains(_MONTHLY))
        .with_columns(
            pl.concat_str(pl.lit("01/"), pl.col("date")).str.to_date("%d/%m/%Y").alias("month"),
            (pl.col("location").str.len_chars() != _COUNTRY_LETTERS).alias("by_centre"),
        )
        .filter(pl.col("by_centre") == pl.col("by_centre").any().over("fnsku"))
        .sort("month")
        .collect()
    )
    found: dict[Place, list[dict[str, Any]]] = defaultdict(list)
    for row in monthly.iter_rows(named=True):
        found[row["fnsku"], row["disposition"], row["location"]].append(row)
    return found


def _booked(ledger: pl.LazyFrame, *, by_country: bool) -> _Booked:
    month = pl.col("date").dt.truncate("1mo").alias("month")
    moved: dict[Place, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    first = date.max
    for place in ("fulfillment-center", *(["country"] if by_country else [])):
        rows = (
            ledger.group_by("fnsku", "disposition", pl.col(place).alias("place"), month)
            .agg(pl.col("quantity").sum())
            .collect(engine="streaming")
        )
        for fnsku, disposition, centre, at, units in rows.iter_rows():
            moved[fnsku, disposition, centre][at] += units
            first = min(first, at)
    return _Booked(moved, first)


def _chain(place: Place, rows: list[dict[str, Any]]) -> Iterator[Gap]:
    _, disposition, location = place
    before = rows[0]["starting-warehouse-balance"]
    for row in rows:
        where = f"{disposition} {row['date']}"
        gap = row["starting-warehouse-balance"] - before
        if gap:
            yield location, gap, f"{where} starts with {gap:+d} beside the end of the month before"
        before = row["ending-warehouse-balance"]
        short = before - row["starting-warehouse-balance"] - _moved(row)
        if short:
            yield location, short, f"{where} ends with {short:+d} beside its own movements"


def _beside_the_rows(
    place: Place, rows: list[dict[str, Any]], booked: Mapping[date, int]
) -> Iterator[tuple[date, Gap]]:
    """Months that moved other units by the summary than by the rows of the ledger."""
    summary = {row["month"]: _moved(row) for row in rows}
    for month in sorted({*summary, *booked}):
        told, moved = summary.get(month, 0), booked.get(month, 0)
        if moved != told:
            because = f"{place[1]} {month:%m/%Y} moved {told:+d} by the summary,"
            gap = place[2], moved - told, f"{because} {moved:+d} by the rows of the ledger"
            yield month, gap


def _moved(row: Mapping[str, Any]) -> int:
    return sum(row[name] or 0 for name in MOVEMENTS)
