"""The span of time that a statement covers, in UTC."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from opside_chassis.errors import BadRequest

MOST_DAYS = 366
"""A year: what an accountant asks for at once."""
_DECEMBER = 12
_MONTH = re.compile(r"2[0-9]{3}-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days, both included."""

    first: date
    last: date

    @property
    def start(self) -> datetime:
        """The first moment inside."""
        return datetime.combine(self.first, time(), UTC)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return datetime.combine(self.last + timedelta(days=1), time(), UTC)

    @property
    def name(self) -> str:
        """For a file: `2026-11` where it is one whole month, else both days."""
        if self == month_of(f"{self.first:%Y-%m}"):
            return f"{self.first:%Y-%m}"
        return f"{self.first}-to-{self.last}"


def month_of(month: str) -> Period:
    """The month `YYYY-MM`.

    Raises:
        BadRequest: not a month.
    """
    if not _MONTH.fullmatch(month):
        raise BadRequest("a month is written YYYY-MM")
    first = date(int(month[:4]), int(month[5:]), 1)
    if first.month == _DECEMBER:
        return Period(first, first.replace(day=31))
    return Period(first, first.replace(month=first.month + 1) - timedelta(days=1))


def range_of(first: date, last: date) -> Period:
    """The days from `first` to `last`.

    Raises:
        BadRequest: they are the wrong way round, or further apart than a year.
    """
    if last < first:
        raise BadRequest("`to` lies before `from`")
    if (last - first).days >= MOST_DAYS:
        raise BadRequest(f"a statement covers at most {MOST_DAYS} days")
    if not _MONTH.fullmatch(f"{first:%Y-%m}") or not _MONTH.fullmatch(f"{last:%Y-%m}"):
        raise BadRequest("a statement lies between the years 2000 and 2999")
    return Period(first, last)
