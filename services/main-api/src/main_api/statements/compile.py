"""The statement: every recovery with the fee it led to, and totals that add up."""

from collections.abc import Sequence
from datetime import date

from main_api.recoveries.listing import recoveries_between
from main_api.recoveries.schemas import RecoveryView
from main_api.statements.periods import Period
from opside_chassis.database import Sessions
from opside_chassis.wire import AnswerModel


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
    """What Amazon paid in a period (UTC, by approval date), and what our fee for it is."""

    month: str
    """Name of the period: `YYYY-MM`, or both days of a range."""
    first_day: date
    last_day: date
    lines: list[RecoveryView]
    totals: list[StatementTotals]


async def compile_statement(sessions: Sessions, *, user_id: str, period: Period) -> Statement:
    """The user's statement of a period."""
    lines = await recoveries_between(sessions, user_id=user_id, start=period.start, end=period.end)
    return Statement(
        month=period.name,
        first_day=period.first,
        last_day=period.last,
        lines=lines,
        totals=totals_of(lines),
    )


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
