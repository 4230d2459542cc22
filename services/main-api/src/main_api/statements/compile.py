"""The monthly statement: every recovery with the fee it led to, and totals that add up."""

import csv
import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from main_api.recoveries.listing import recoveries_between
from main_api.recoveries.schemas import RecoveryView
from opside_chassis.database import Sessions
from opside_chassis.errors import BadRequest
from opside_chassis.money import Money
from opside_chassis.wire import AnswerModel

DECEMBER = 12
_MONTH = re.compile(r"2[0-9]{3}-(0[1-9]|1[0-2])")


class StatementTotals(AnswerModel):
    """Sums of one currency, minor units."""

    currency: str
    recovered_cents: int
    billable_cents: int
    fee_cents: int
    collected_cents: int
    transferred_cents: int
    refunded_cents: int
    reversed_cents: int


class Statement(AnswerModel):
    """What Amazon paid in a month (UTC, by approval date), and what our fee for it is."""

    month: str
    lines: list[RecoveryView]
    totals: list[StatementTotals]


def month_span(month: str) -> tuple[datetime, datetime]:
    """First moment of a month `YYYY-MM` and of the next, in UTC.

    Raises:
        BadRequest: not a month.
    """
    if not _MONTH.fullmatch(month):
        raise BadRequest("a month is written YYYY-MM")
    year, number = int(month[:4]), int(month[5:])
    start = datetime(year, number, 1, tzinfo=UTC)
    if number == DECEMBER:
        return start, start.replace(year=year + 1, month=1)
    return start, start.replace(month=number + 1)


async def compile_statement(sessions: Sessions, *, user_id: str, month: str) -> Statement:
    """The user's statement of one month.

    Raises:
        BadRequest: not a month.
    """
    start, end = month_span(month)
    lines = await recoveries_between(sessions, user_id=user_id, start=start, end=end)
    return Statement(month=month, lines=lines, totals=totals_of(lines))


def totals_of(lines: Sequence[RecoveryView]) -> list[StatementTotals]:
    """Sums of the lines, one row a currency. Fees are counted where the commission was accepted."""
    return [
        StatementTotals(
            currency=currency,
            recovered_cents=sum(line.amount_cents for line in own),
            billable_cents=sum(line.amount_cents for line in own if line.billable),
            fee_cents=sum(line.fee_cents for line in own),
            collected_cents=sum(line.collected_cents for line in own),
            transferred_cents=sum(line.transferred_cents for line in own),
            refunded_cents=sum(line.refunded_cents for line in own),
            reversed_cents=sum(line.reversed_cents for line in own),
        )
        for currency in sorted({line.currency for line in lines})
        for own in [[line for line in lines if line.currency == currency]]
    ]


_COLUMNS = (
    "reimbursement_id",
    "approved_at",
    "claim_type",
    "case_id",
    "amazon_case_id",
    "rule_version",
    "currency",
    "recovered",
    "fee",
    "collected",
    "transferred",
    "refunded",
    "reversed",
    "status",
    "payment_intent_id",
    "not_billable_reason",
)


def as_csv(statement: Statement) -> str:
    """The lines as CSV, amounts in major units."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    for line in statement.lines:
        amounts = (
            line.amount_cents,
            line.fee_cents,
            line.collected_cents,
            line.transferred_cents,
            line.refunded_cents,
            line.reversed_cents,
        )
        writer.writerow(
            [
                _no_formula(line.recovery_id),
                line.approved_at.isoformat(),
                _no_formula(line.claim_type),
                _no_formula(line.case_id),
                _no_formula(line.amazon_case_id),
                _no_formula(line.rule_version),
                line.currency,
                *(str(Money(amount, line.currency).to_decimal()) for amount in amounts),
                line.commission_status or "",
                _no_formula(line.payment_intent_id),
                _no_formula(line.not_billable_reason),
            ]
        )
    return out.getvalue()


_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _no_formula(text: str | None) -> str:
    """A spreadsheet must not run what a cell says; much of it was written by others."""
    return f"'{text}" if text and text.startswith(_STARTS_A_FORMULA) else text or ""
