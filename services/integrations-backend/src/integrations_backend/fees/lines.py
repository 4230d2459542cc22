"""Settlement rows to fee lines: one row may hold several fees, each with its own name.

Signed as Amazon signs them: what it takes is negative, what it gives back positive.
"""

from datetime import datetime

import polars as pl

from integrations_backend.archive import OCCURRENCE, ROW_KEY

_PAIRS = {
    "item-related-fee-type": "item-related-fee-amount",
    "order-fee-type": "order-fee-amount",
    "shipment-fee-type": "shipment-fee-amount",
    "other-fee-reason-description": "other-fee-amount",
}
"""Columns that name a fee, and those that hold its amount."""
_UNNAMED = "Miscellaneous fee"
_WHOLE_ROW_FEES = "(?i)fee|storage|subscription"
"""Transaction types whose `other-amount` is a fee of its own: storage, subscription, removal fees."""


def fee_lines(rows: pl.LazyFrame) -> pl.LazyFrame:
    """One line a fee: posted, settlement_id, order_id, sku, fee_type, amount_minor, currency, key.

    `key` tells lines of one moment apart, the same one in every reading.
    """
    named = [_part(rows, pl.col(name), amount, amount) for name, amount in _PAIRS.items()]
    unnamed = _part(rows, pl.lit(_UNNAMED), "misc-fee-amount", "misc-fee-amount")
    whole = rows.filter(pl.col("transaction-type").str.contains(_WHOLE_ROW_FEES))
    other = _part(whole, pl.col("transaction-type"), "other-amount", "other-amount")
    # The currency stands in a settlement's first row alone.
    totals = rows.filter(pl.col("total-amount").is_not_null()).select(
        pl.col("settlement-id").alias("settlement_id"),
        pl.col("currency").str.to_lowercase().alias("currency"),
    )
    currencies = totals.unique("settlement_id", keep="any")
    return pl.concat([*named, unnamed, other]).join(currencies, on="settlement_id", how="left")


def _part(rows: pl.LazyFrame, fee_type: pl.Expr, amount: str, place: str) -> pl.LazyFrame:
    with_fee = rows.filter(
        pl.col(amount).is_not_null() & (pl.col(amount) != 0) & pl.col("posted-date").is_not_null()
    )
    same = pl.concat_str([pl.col(ROW_KEY), pl.col(OCCURRENCE).cast(pl.String), pl.lit(place)])
    return with_fee.select(
        pl.col("posted-date").alias("posted"),
        pl.col("settlement-id").alias("settlement_id"),
        pl.col("order-id").alias("order_id"),
        pl.col("sku"),
        fee_type.alias("fee_type"),
        pl.col(amount).alias("amount_minor"),
        same.hash().cast(pl.String).alias("key"),
    )


def newest(lines: pl.LazyFrame, *, before: tuple[datetime, str] | None, limit: int) -> pl.DataFrame:
    """So many lines, newest first, after the place named."""
    if before is not None:
        posted, key = before
        at = pl.lit(posted)
        lines = lines.filter(
            (pl.col("posted") < at) | ((pl.col("posted") == at) & (pl.col("key") < key))
        )
    ordered = lines.sort("posted", "key", descending=True)
    return ordered.head(limit).collect(engine="streaming")
