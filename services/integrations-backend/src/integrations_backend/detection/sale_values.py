"""What a unit lost after its sale is worth: its price less Amazon's fees before tax.

Amazon pays 60.00 - 9.00 - 7.71 for a sale whose fee rows say 9.63 and 8.25 (facts section 6): rows of fees
may hold tax. It is taken out only where the seller's own rows show one of the country's rates: then the
referral fee is one of Amazon's percentages of the price before tax, and not after. Where the rows do not
show it, fees stay as booked and the value may be low, never high.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from integrations_backend.detection.facts import Facts
from integrations_backend.detection.policy import WHOLE_BP
from integrations_backend.reports.kinds import SETTLEMENT

REFERRAL_FEES = ("Commission",)
FULFILMENT_FEES = ("FBAPerUnitFulfillmentFee", "FBAPerOrderFulfillmentFee")
"""Fees that Amazon keeps when a unit is sold: they lower what a lost return is worth."""
ENOUGH_OF_TEN = 9
"""Of ten referral fees so many must show the tax: a few have a minimum or a special rate."""

Key = tuple[str, str]
"""Order id and SKU."""


@dataclass(frozen=True, slots=True)
class Sale:
    """What was booked for an order's units of a SKU, minor units; fees are positive."""

    price: int
    referral_fee: int
    fulfilment_fee: int
    units: int


@dataclass(frozen=True, slots=True)
class SaleValues:
    """The value of one unit by order and SKU, minor units, and how it was computed."""

    by_order: dict[Key, int]
    arithmetic: str


def sale_values(facts: Facts) -> SaleValues:
    """Values as of the sales in the settlements that were read."""
    sales = _sales(facts.rows[SETTLEMENT])
    tax_bp = _tax_in_fees(facts, sales.values())
    values = {
        key: max(
            0,
            sale.price
            - before_tax(sale.referral_fee, tax_bp)
            - before_tax(sale.fulfilment_fee, tax_bp),
        )
        // sale.units
        for key, sale in sales.items()
    }
    booked = "sale price less referral and fulfilment fee, as booked"
    taxed = f"{booked} but without the {tax_bp / 100:g} % tax that the fee rows hold"
    return SaleValues(values, taxed if tax_bp else booked)


def _sales(rows: pl.DataFrame) -> dict[Key, Sale]:
    def fees(names: tuple[str, ...]) -> pl.Expr:
        kept = pl.col("item-related-fee-type").is_in(names)
        return -pl.col("item-related-fee-amount").filter(kept).sum()

    price = pl.col("price-amount").filter(pl.col("price-type") == "Principal").sum()
    sold = (
        rows.filter(pl.col("transaction-type") == "Order")
        .group_by("order-id", "sku")
        .agg(
            price.alias("price"),
            fees(REFERRAL_FEES).alias("referral"),
            fees(FULFILMENT_FEES).alias("fulfilment"),
            pl.col("quantity-purchased").max().alias("units"),
        )
        .filter(pl.col("price") > 0)
    )
    return {
        (row["order-id"], row["sku"]): Sale(
            row["price"], row["referral"], row["fulfilment"], max(1, row["units"] or 1)
        )
        for row in sold.iter_rows(named=True)
    }


def _tax_in_fees(facts: Facts, sales: Iterable[Sale]) -> int:
    """The rate in basis points that explains most fees, or 0 where the rows do not show one."""
    rates = facts.policy.fee_tax_bps(facts.store.country, facts.as_of)
    single = [one for one in sales if one.units == 1 and one.referral_fee > 0]
    if not rates or not single:
        return 0
    percents = facts.policy.referral_percents
    fitting = {
        rate: sum(_is_percentage(one, percents, tax_bp=rate) for one in single)
        for rate in (0, *rates)
    }
    best = max(fitting, key=lambda rate: (fitting[rate], -rate))
    return best if fitting[best] * 10 >= len(single) * ENOUGH_OF_TEN else 0


def _is_percentage(sale: Sale, percents: tuple[int, ...], *, tax_bp: int) -> bool:
    fees = (_share(sale.price, percent, 100) for percent in percents)
    return any(_share(fee, WHOLE_BP + tax_bp, WHOLE_BP) == sale.referral_fee for fee in fees)


def before_tax(fee: int, tax_bp: int) -> int:
    """The fee without the tax that was added to it; both are rounded half up to the minor unit."""
    return _share(fee, WHOLE_BP, WHOLE_BP + tax_bp)


def _share(amount: int, part: int, whole: int) -> int:
    return (2 * amount * part + whole) // (2 * whole)
