"""Fulfilment fees as the settlements booked them, and what was usual then beside the fee preview."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from statistics import median

import polars as pl

from integrations_backend.detection.facts import Facts
from integrations_backend.detection.policy import WHOLE_BP
from integrations_backend.detection.previews import FeePreview
from integrations_backend.reports.kinds import SETTLEMENT

FEE = "FBAPerUnitFulfillmentFee"
LEAST_DIFFERENCE_MINOR = 2
LEAST_DIFFERENCE_PERCENT = 2
"""Below it a difference is rounding or a change of rates, not another size."""
FEWEST_OTHERS = 5
"""So many charges of other products must show what is usual."""
MANY_OF_TEN, MOST_OF_TEN = 4, 6
"""Of ten of those so many must agree: in a time when rates changed nothing can be told."""
CLOSE_PERCENT = 0.5


@dataclass(frozen=True, slots=True)
class Charge:
    """The fulfilment fee of one order line, minor units, positive; `given_back` by later rows."""

    settlement: str
    order_id: str
    sku: str
    day: date
    units: int
    booked: int
    given_back: int
    expected: int

    @property
    def multiple(self) -> float:
        """How often the expected fee was booked for a unit."""
        return self.booked / (self.expected * self.units)


def charges_of(facts: Facts, previews: dict[str, FeePreview]) -> list[Charge]:
    """Of every product whose fee Amazon previews."""
    rows = facts.rows[SETTLEMENT]
    keys = ["settlement-id", "order-id", "sku"]
    fee = pl.col("item-related-fee-amount").filter(pl.col("item-related-fee-type") == FEE)
    known = rows.filter(pl.col("sku").is_in(list(previews)))
    is_sale = pl.col("transaction-type") == "Order"
    booked = (
        known.filter(is_sale)
        .group_by(keys)
        .agg(
            (-fee.sum()).alias("booked"),
            pl.col("quantity-purchased").max().alias("units"),
            pl.col("posted-date").min().alias("at"),
        )
        .filter(pl.col("booked") > 0)
    )
    given_back = (
        known.filter(~is_sale & (pl.col("item-related-fee-type") == FEE))
        .group_by("order-id", "sku")
        .agg(pl.col("item-related-fee-amount").sum().alias("given_back"))
    )
    joined = booked.join(given_back, on=["order-id", "sku"], how="left").sort(keys)
    return [
        Charge(
            settlement=row["settlement-id"],
            order_id=row["order-id"],
            sku=row["sku"],
            day=row["at"].date(),
            units=max(1, row["units"] or 1),
            booked=row["booked"],
            given_back=max(0, row["given_back"] or 0),
            expected=previews[row["sku"]].fee,
        )
        for row in joined.iter_rows(named=True)
    ]


class _Booked:
    """The charges of one settlement, and how many of each product are at a known multiple of the fee."""

    def __init__(self, charges: list[Charge], multiples: Sequence[float]) -> None:
        self.charges = charges
        self.by_sku = Counter(one.sku for one in charges)
        self.total = len(charges)
        self.at = {
            multiple: Counter(one.sku for one in charges if _is_at(one, multiple, within=1))
            for multiple in multiples
        }
        self.total_at = {multiple: at.total() for multiple, at in self.at.items()}

    @cached_property
    def middle(self) -> float | None:
        """The middle multiple, if most charges agree on it."""
        multiple = median(one.multiple for one in self.charges)
        rounding = [1 + one.booked * CLOSE_PERCENT / 100 for one in self.charges]
        agreeing = sum(
            _is_at(one, multiple, within=within)
            for one, within in zip(self.charges, rounding, strict=True)
        )
        return multiple if agreeing * 10 >= len(self.charges) * MOST_OF_TEN else None


class Usual:
    """What the other products of the seller were booked at, as a multiple of the expected fee.

    Either many are exactly at the fee with one of the country's taxes, or most are at another multiple.
    """

    def __init__(self, facts: Facts, charges: Sequence[Charge]) -> None:
        rates = (0, *facts.policy.fee_tax_bps(facts.store.country, facts.as_of))
        self._multiples = [1 + bp / WHOLE_BP for bp in rates]
        by_settlement: dict[str, list[Charge]] = defaultdict(list)
        for one in charges:
            by_settlement[one.settlement].append(one)
        ordered = sorted(by_settlement.values(), key=lambda some: min(one.day for one in some))
        self._booked = [_Booked(some, self._multiples) for some in ordered]

    def charges(self) -> Iterable[tuple[Charge, float]]:
        """Every charge of whose time something is known, with the multiple that was usual then."""
        for place, booked in enumerate(self._booked):
            usual = {sku: self._multiple(place, sku) for sku in booked.by_sku}
            for one in booked.charges:
                multiple = usual[one.sku]
                if multiple is not None:
                    yield one, multiple

    def _multiple(self, place: int, sku: str) -> float | None:
        """Of this settlement without the product; where too little was sold, with its neighbours."""
        for reach in (0, 1, 2):
            near = self._booked[max(0, place - reach) : place + reach + 1]
            others = sum(some.total - some.by_sku[sku] for some in near)
            at = {
                multiple: sum(some.total_at[multiple] - some.at[multiple][sku] for some in near)
                for multiple in self._multiples
            }
            best = max(self._multiples, key=lambda multiple: at[multiple])
            if at[best] >= FEWEST_OTHERS and at[best] * 10 >= others * MANY_OF_TEN:
                return best
        here = self._booked[place]
        return here.middle if here.total - here.by_sku[sku] >= FEWEST_OTHERS else None


def _is_at(charge: Charge, multiple: float, *, within: float) -> bool:
    return abs(charge.booked - charge.expected * charge.units * multiple) <= within


def half_up(amount: float) -> int:
    """Whole minor units."""
    return int(amount + 0.5 + 1e-9)


def is_above(booked: int, due: int) -> bool:
    """By more than rounding and changes of rates explain."""
    return booked - due > max(LEAST_DIFFERENCE_MINOR, due * LEAST_DIFFERENCE_PERCENT / 100)
