"""Billing periods: boundaries at whole intervals from an anchor, in UTC."""

import calendar
from datetime import UTC, datetime

from opside_sandbox.stripe.clocks import DAY
from opside_sandbox.stripe.errors import Document

_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}


def after(anchor: int, recurring: Document, steps: int) -> int:
    """The anchor plus so many intervals. A 31st falls on the last day of a shorter month."""
    interval, count = str(recurring["interval"]), int(recurring["interval_count"]) * steps
    if interval in _DAYS:
        return anchor + _DAYS[interval] * count * DAY
    start = datetime.fromtimestamp(anchor, UTC)
    months = start.month - 1 + _MONTHS[interval] * count
    year, month = start.year + months // 12, months % 12 + 1
    day = min(start.day, calendar.monthrange(year, month)[1])
    return int(start.replace(year=year, month=month, day=day).timestamp())


def next_boundary(anchor: int, recurring: Document, beyond: int) -> int:
    """The first boundary later than `beyond`."""
    steps = 1
    while after(anchor, recurring, steps) <= beyond:
        steps += 1
    return after(anchor, recurring, steps)


def share(amount_minor: int, start: int, end: int, at: int) -> int:
    """What of a period's amount belongs to the time from `at` to its end, half up."""
    left, whole = max(0, end - at), end - start
    return (2 * amount_minor * left + whole) // (2 * whole)
