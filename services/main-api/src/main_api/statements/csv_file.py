"""A statement as CSV: one row a recovery, then one row a currency with the sums. Amounts in major units."""

import csv
import io

from main_api.recoveries.schemas import RecoveryView
from main_api.statements.compile import Statement, StatementTotals
from opside_chassis.money import Money

AMOUNTS = ("recovered", "fee", "collected", "transferred", "refunded", "reversed")
"""Columns of money, in a line and in a total."""
LINE, TOTAL = "line", "total"

COLUMNS = (
    "record",
    "reimbursement_id",
    "approved_at",
    "claim_type",
    "case_id",
    "amazon_case_id",
    "rule_version",
    "currency",
    "review_until",
    "objection",
    "rate_bp",
    *AMOUNTS,
    "status",
    "transaction_id",
    "payment_intent_id",
    "why_no_fee",
)

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(statement: Statement) -> str:
    """What `check.py` can recompute from the file alone."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="")
    writer.writeheader()
    for line in statement.lines:
        writer.writerow(_line(line))
    for total in statement.totals:
        writer.writerow(_total(total))
    return out.getvalue()


def _line(line: RecoveryView) -> dict[str, object]:
    amounts = (
        line.amount_cents,
        line.fee_cents,
        line.collected_cents,
        line.transferred_cents,
        line.refunded_cents,
        line.reversed_cents,
    )
    return {
        "record": LINE,
        "reimbursement_id": _no_formula(line.recovery_id),
        "approved_at": line.approved_at.isoformat(),
        "claim_type": _no_formula(line.claim_type),
        "case_id": _no_formula(line.case_id),
        "amazon_case_id": _no_formula(line.amazon_case_id),
        "rule_version": _no_formula(line.rule_version),
        "review_until": line.review_until.isoformat() if line.review_until else "",
        "objection": line.objection_state or "",
        "rate_bp": "" if line.rate_bp is None else line.rate_bp,
        "status": line.commission_status or "",
        "transaction_id": _no_formula(line.transaction_id),
        "payment_intent_id": _no_formula(line.payment_intent_id),
        "why_no_fee": _no_formula(line.why_no_fee),
        **_money(line.currency, amounts),
    }


def _total(total: StatementTotals) -> dict[str, object]:
    amounts = (
        total.recovered_cents,
        total.fee_cents,
        total.collected_cents,
        total.transferred_cents,
        total.refunded_cents,
        total.reversed_cents,
    )
    return {"record": TOTAL, **_money(total.currency, amounts)}


def _money(currency: str, amounts: tuple[int, ...]) -> dict[str, object]:
    shown = (str(Money(amount, currency).to_decimal()) for amount in amounts)
    return {"currency": currency, **dict(zip(AMOUNTS, shown, strict=True))}


def _no_formula(text: str | None) -> str:
    """A spreadsheet must not run what a cell says; much of it was written by others."""
    return f"'{text}" if text and text.startswith(_STARTS_A_FORMULA) else text or ""
