"""What a settlement report says: sums by transaction type, refunds, reimbursements. Exact to the cent."""

import re
from collections.abc import Callable
from typing import Any

import polars as pl

from integrations_backend.reports.kinds import KINDS, SETTLEMENT, Kind
from opside_chassis.money import Money
from opside_chassis.wire import AnswerModel

AMOUNTS = tuple(
    column.name
    for column in KINDS[SETTLEMENT].columns
    if column.kind is Kind.MONEY and column.name != "total-amount"
)
NET = "net"
REIMBURSEMENT_TYPES = ("WAREHOUSE_DAMAGE", "WAREHOUSE_LOST", "REVERSAL_REIMBURSEMENT")
"""Transaction types that pay for a loss; the sign decides, not the word (facts section 4)."""
_CURRENCY = re.compile("[a-z]{3}")
TOTALS_ROW = "(totals row)"


class TypeSum(AnswerModel):
    """Rows and net amount (major units, exact decimal text) of one transaction type."""

    transaction_type: str
    rows: int
    net: str


class SettlementLine(AnswerModel):
    """A refund (its rows together) or one reimbursement row."""

    transaction_type: str
    posted: str
    order_id: str
    adjustment_id: str
    sku: str
    rows: int
    quantity: int | None
    principal: str
    net: str


class SettlementSummary(AnswerModel):
    """A settlement file, recomputed; `adds_up` says that its rows sum to its own total."""

    settlement_id: str
    currency: str
    total_amount: str
    adds_up: bool
    net_by_type: list[TypeSum]
    refunds: list[SettlementLine]
    reimbursements: list[SettlementLine]


def with_net(rows: pl.DataFrame) -> pl.DataFrame:
    """Each row's net amount: the sum of its amount columns, minor units."""
    return rows.with_columns(
        pl.sum_horizontal(pl.col(name).fill_null(0) for name in AMOUNTS).alias(NET)
    )


def summarise(rows: pl.DataFrame) -> SettlementSummary:
    """Recompute one settlement file from its rows."""
    rows = with_net(rows)
    totals = rows.filter(pl.col("total-amount").is_not_null())
    currency = next((text for text in totals["currency"] if text), "").lower()
    if not _CURRENCY.fullmatch(currency):
        currency = ""
    total = int(totals["total-amount"].sum())

    def amount(minor: int | None) -> str:
        return str(Money(minor or 0, currency).to_decimal()) if currency else str(minor)

    by_type = (
        rows.with_columns(
            pl.when(pl.col("transaction-type") == "")
            .then(pl.lit(TOTALS_ROW))
            .otherwise(pl.col("transaction-type"))
            .alias("type")
        )
        .group_by("type")
        .agg(pl.len().alias("rows"), pl.col(NET).sum())
        .sort("type")
    )
    return SettlementSummary(
        settlement_id=rows["settlement-id"][0] if rows.height else "",
        currency=currency,
        total_amount=amount(total),
        adds_up=total == int(rows[NET].sum()),
        net_by_type=[
            TypeSum(transaction_type=row["type"], rows=row["rows"], net=amount(row[NET]))
            for row in by_type.iter_rows(named=True)
        ],
        refunds=[_line(row, amount) for row in refunds(rows).iter_rows(named=True)],
        reimbursements=[_line(row, amount) for row in reimbursements(rows).iter_rows(named=True)],
    )


def refunds(rows: pl.DataFrame) -> pl.DataFrame:
    """Refunds: the rows of one adjustment of one order together, first posting date first."""
    keys = ["order-id", "adjustment-id", "sku"]
    return _grouped(rows.filter(pl.col("transaction-type") == "Refund"), keys)


def reimbursements(rows: pl.DataFrame) -> pl.DataFrame:
    """Reimbursement rows, one each."""
    paid = rows.filter(pl.col("transaction-type").is_in(REIMBURSEMENT_TYPES))
    return _grouped(paid, ["order-id", "adjustment-id", "sku", "line"])


def _grouped(rows: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    principal = pl.col("price-amount").filter(pl.col("price-type") == "Principal")
    return (
        with_net(rows)
        .group_by(keys, maintain_order=True)
        .agg(
            pl.col("transaction-type").first(),
            pl.col("posted-date").min(),
            pl.len().alias("rows"),
            pl.col("quantity-purchased").max(),
            principal.sum().alias("principal"),
            pl.col(NET).sum(),
        )
        .sort("posted-date", *keys)
    )


def _line(row: dict[str, Any], amount: Callable[[int | None], str]) -> SettlementLine:
    return SettlementLine(
        transaction_type=row["transaction-type"],
        posted=row["posted-date"].isoformat() if row["posted-date"] else "",
        order_id=row["order-id"],
        adjustment_id=row["adjustment-id"],
        sku=row["sku"],
        rows=row["rows"],
        quantity=row["quantity-purchased"],
        principal=amount(row["principal"]),
        net=amount(row[NET]),
    )
