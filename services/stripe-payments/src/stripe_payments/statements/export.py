"""The finance export: every line that moved money, whose sums equal Stripe's own."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.errors import BadRequest
from opside_chassis.money import Money
from stripe_payments.ledger.proof import clearing_lines
from stripe_payments.roles import AUDITOR

LONGEST_SPAN_DAYS = 366
HEADER = (
    "booked_at",
    "journal",
    "kind",
    "stripe_object",
    "transaction",
    "user",
    "claim",
    "recovery",
    "currency",
    "amount_minor",
    "amount",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def span_of(first: date, last: date) -> tuple[datetime, datetime]:
    """First moment of the first day and of the day after the last, UTC.

    Raises:
        BadRequest: the days are in the wrong order, or more than a year apart.
    """
    # The calendar ends in the year 9999, and `last` has a day after it.
    if not 0 <= (last - first).days <= LONGEST_SPAN_DAYS or last == date.max:
        raise BadRequest("from must not be after to, and a year at the most before it")
    start = datetime.combine(first, time(), UTC)
    return start, datetime.combine(last, time(), UTC) + timedelta(days=1)


async def export_csv(sessions: Sessions, *, first: date, last: date) -> str:
    """One row a movement of the platform's balance at Stripe, oldest first.

    The sum of a currency's rows over all time is the balance at Stripe; charges, fees, transfers,
    reversals and refunds are told apart by kind.

    Raises:
        BadRequest: not a span of days.
    """
    start, end = span_of(first, last)
    # Every tenant: the export is of the whole house.
    async with transaction(sessions, tenant=EVERY_TENANT, role=AUDITOR) as session:
        lines = await clearing_lines(session, start=start, end=end)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADER)
    writer.writerows(
        (
            line.booked_at.isoformat(),
            line.id,
            line.kind,
            line.effect,
            line.subject,
            *_texts(line.user_id, line.claim_id, line.recovery_id),
            line.currency,
            line.amount_minor,
            Money(line.amount_minor, line.currency).to_decimal(),
        )
        for line in lines
    )
    return out.getvalue()


def _texts(*values: str) -> Iterator[str]:
    """References come from outside: none may become a formula in a spreadsheet."""
    for value in values:
        yield f"'{value}" if value.startswith(_FORMULA) else value
