"""Reimbursements as the rules see them: payments, what tops them up, what takes them back.

One reimbursement id may stand in several rows. The sign decides, not the word (facts section 4).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import polars as pl

from integrations_backend.archive import ROW_KEY


@dataclass(frozen=True, slots=True)
class Payment:
    """The rows of one reimbursement id for one item; `amount_minor` is negative when taken back.

    `units` is how many it is for, in cash or stock, at least one for a payment taken back.
    """

    reimbursement_id: str
    original_id: str
    order_id: str
    reason: str
    sku: str
    fnsku: str
    day: date
    units: int
    in_cash: int
    amount_minor: int
    line: int


def folded_reason(reason: str) -> str:
    """Reasons differ in case, blanks and underscores between reports."""
    return reason.lower().replace("_", "").replace(" ", "")


@dataclass(frozen=True, slots=True)
class Payments:
    """What the reimbursement rows say, each part oldest first."""

    paid: list[Payment]
    """For units."""
    top_ups: list[Payment]
    """Money without units: it raises an earlier payment, which it may name."""
    taken_back: list[Payment]
    """In money."""


def payments_of(rows: pl.DataFrame) -> Payments:
    """Parted by what they are; a row may be a top-up that names the payment which it raises."""
    every = list(_grouped(rows))
    return Payments(
        paid=[one for one in every if not one.original_id and one.units > 0],
        top_ups=[one for one in every if one.amount_minor > 0 and one.units <= 0],
        taken_back=[one for one in every if one.original_id and one.amount_minor < 0],
    )


def _grouped(rows: pl.DataFrame) -> Iterator[Payment]:
    """One a reimbursement id and item."""
    firsts = ("amazon-order-id", "reason", "sku", "approval-date", "original-reimbursement-id")
    grouped = (
        rows.sort("approval-date", "reimbursement-id", ROW_KEY)
        .group_by("reimbursement-id", "fnsku", maintain_order=True)
        .agg(
            *(pl.col(name).first() for name in (*firsts, "line")),
            pl.col("amount-total").sum(),
            pl.col("quantity-reimbursed-cash").fill_null(0).sum().alias("cash"),
            pl.col("quantity-reimbursed-inventory").fill_null(0).sum().alias("stock"),
        )
    )
    for row in grouped.iter_rows(named=True):
        units, amount = row["cash"] + row["stock"], row["amount-total"]
        yield Payment(
            reimbursement_id=row["reimbursement-id"],
            original_id=row["original-reimbursement-id"] or "",
            order_id=row["amazon-order-id"],
            reason=row["reason"],
            sku=row["sku"],
            fnsku=row["fnsku"],
            day=row["approval-date"].date(),
            units=max(1, -units) if amount < 0 else units,
            in_cash=row["cash"],
            amount_minor=amount,
            line=row["line"],
        )
