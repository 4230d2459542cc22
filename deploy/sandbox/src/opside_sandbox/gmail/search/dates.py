"""Days and spans of a search."""

import calendar
import re
from datetime import datetime, timedelta, timezone

PACIFIC = timezone(timedelta(hours=-8))
"""Google reads the dates of an API search as midnight in this zone."""
_DAY = re.compile(r"^(\d{4})[/-](\d{1,2})[/-](\d{1,2})$")
_SPAN = re.compile(r"^(\d{1,5})([dmy])$", re.IGNORECASE)
_SIZE = re.compile(r"^(\d{1,12})([km]?)b?$", re.IGNORECASE)


def moment(text: str) -> datetime | None:
    """`2026/3/1`, `2026-03-01`, or seconds since 1970; None for anything else."""
    if found := _DAY.match(text):
        try:
            return datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=PACIFIC)
        except ValueError:
            return None
    if text.isascii() and text.isdigit() and 8 < len(text) <= 11:
        return datetime.fromtimestamp(int(text), PACIFIC)
    return None


def ago(now: datetime, text: str) -> datetime | None:
    """The moment so many days, calendar months or years before now: `10d`, `18m`, `1y`."""
    found = _SPAN.match(text)
    if found is None:
        return None
    count, unit = int(found[1]), found[2].lower()
    if unit == "d":
        return now - timedelta(days=count) if count < 300_000 else None
    months = now.year * 12 + now.month - 1 - count * (12 if unit == "y" else 1)
    year, month = months // 12, months % 12 + 1
    if year < 1:
        return None
    last = calendar.monthrange(year, month)[1]
    return now.replace(year=year, month=month, day=min(now.day, last))


def size(text: str) -> int | None:
    """Bytes: `500`, `10K`, `5M`."""
    found = _SIZE.match(text)
    if found is None:
        return None
    return int(found[1]) * {"": 1, "k": 1024, "m": 1024**2}[found[2].lower()]
