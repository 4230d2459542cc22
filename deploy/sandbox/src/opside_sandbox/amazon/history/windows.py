"""When each claim opens and closes (facts, section 6; UK takes the EU numbers).

The facts give no numbers for Canada and Japan: those stores take the US ones here.
"""

import calendar
from datetime import date, timedelta

_EUROPE = {"GB", "DE"}
WAREHOUSE_GRACE_DAYS = 5
"""Payments show up to five days after the event: before that nothing is owed for sure. So do units
that are found when a payment is taken back; nothing is published of the end of that window, and the
60 days of payments are taken."""


def months_later(day: date, months: int) -> date:
    """The same day of a later month, or that month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def window(claim_type: str, country: str, event: date) -> tuple[date, date]:
    """First and last day on which a loss of this day may be claimed."""
    if claim_type == "customer_return":
        opens, closes = (45, 105) if country in _EUROPE else (60, 120)
        return event + timedelta(days=opens), event + timedelta(days=closes)
    if claim_type == "removal_lost":
        return event + timedelta(days=15), event + timedelta(days=75)
    if claim_type == "fee_overcharge":
        return event, event + timedelta(days=90)
    if claim_type == "underpaid":
        return event, event + timedelta(days=60)
    if claim_type == "inbound_shortage":
        return event, months_later(event, 6 if country in _EUROPE else 9)
    return event + timedelta(days=WAREHOUSE_GRACE_DAYS), event + timedelta(days=60)
