"""Fulfilment fees above those of the product's true size.

What a settlement booked is compared with what the fee preview expects for the size that Amazon has today,
times what this seller's other products were booked at in the same settlement: that takes out taxes and
general changes of rates. A higher fee is wrong only where the product was not larger then: its monthly
measures were those of today (stable), or had been so before (remeasured wrong, then right again). Where it
was larger and has been smaller since, it was repackaged, and the fee was right.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from statistics import median

import polars as pl

from integrations_backend.detection.facts import Facts, Missing
from integrations_backend.detection.findings import Findings
from integrations_backend.detection.measures import Measures, Verdict
from integrations_backend.detection.policy import WHOLE_BP
from integrations_backend.detection.previews import FeePreview, previews_of
from integrations_backend.reports.kinds import FEE_PREVIEW, SETTLEMENT, STORAGE_FEES

CLAIM_TYPE = "fee_overcharge"
FEE = "FBAPerUnitFulfillmentFee"
LEAST_DIFFERENCE_MINOR = 2
LEAST_DIFFERENCE_PERCENT = 2
"""Below it a difference is rounding or a change of rates, not another size."""
FEWEST_OTHERS = 5
"""So many charges of other products must show what is usual."""
MANY_OF_TEN, MOST_OF_TEN = 4, 6
"""Of ten of those so many must agree: in a time when rates changed nothing can be told."""
CLOSE_PERCENT = 0.5
CONFIDENCE = {Verdict.STABLE: 0.85, Verdict.REMEASURED: 0.8}
MOST_CHARGES_SHOWN = 100


@dataclass(frozen=True, slots=True)
class _Charge:
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
        return self.booked / (self.expected * self.units)


@dataclass(frozen=True, slots=True)
class _Excess:
    """A charge and what would have been usual for it."""

    charge: _Charge
    usual: int

    @property
    def above(self) -> int:
        return self.charge.booked - self.usual

    @property
    def given_back(self) -> int:
        return min(self.above, self.charge.given_back)


def find(facts: Facts) -> Findings:
    """Claims and other losses of fees, one a product and settlement: the settlement is the proof."""
    findings = Findings()
    if not facts.read(SETTLEMENT, FEE_PREVIEW, STORAGE_FEES):
        return findings
    previews = previews_of(facts)
    measures = Measures.of(facts, previews)
    usual = _Usual(facts, _charges(facts.rows[SETTLEMENT], previews))
    groups: dict[tuple[str, str, Verdict], list[_Excess]] = defaultdict(list)
    for one in usual.excesses():
        verdict = measures.verdict(one.charge.sku, one.charge.day)
        groups[one.charge.sku, one.charge.settlement, verdict].append(one)
    for (sku, _, verdict), excesses in sorted(groups.items()):
        findings.extend(_judge(facts, previews[sku], verdict, excesses))
    return findings


def _charges(rows: pl.DataFrame, previews: dict[str, FeePreview]) -> list[_Charge]:
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
        _Charge(
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

    def __init__(self, charges: list[_Charge], multiples: Sequence[float]) -> None:
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


class _Usual:
    """What the other products of the seller were booked at, as a multiple of the expected fee.

    Either many are exactly at the fee with one of the country's taxes, or most are at another multiple.
    """

    def __init__(self, facts: Facts, charges: Sequence[_Charge]) -> None:
        rates = (0, *facts.policy.fee_tax_bps(facts.store.country, facts.as_of))
        self._multiples = [1 + bp / WHOLE_BP for bp in rates]
        by_settlement: dict[str, list[_Charge]] = defaultdict(list)
        for one in charges:
            by_settlement[one.settlement].append(one)
        ordered = sorted(by_settlement.values(), key=lambda some: min(one.day for one in some))
        self._booked = [_Booked(some, self._multiples) for some in ordered]

    def excesses(self) -> Iterable[_Excess]:
        """Charges that are above the usual by more than rounding."""
        for place, booked in enumerate(self._booked):
            usual = {sku: self._multiple(place, sku) for sku in booked.by_sku}
            for one in booked.charges:
                multiple = usual[one.sku]
                if multiple is None:
                    continue
                due = _half_up(one.expected * one.units * multiple)
                if _is_above(one.booked, due):
                    yield _Excess(one, due)

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


def _is_at(charge: _Charge, multiple: float, *, within: float) -> bool:
    return abs(charge.booked - charge.expected * charge.units * multiple) <= within


def _half_up(amount: float) -> int:
    return int(amount + 0.5 + 1e-9)


def _is_above(booked: int, due: int) -> bool:
    return booked - due > max(LEAST_DIFFERENCE_MINOR, due * LEAST_DIFFERENCE_PERCENT / 100)


def _judge(
    facts: Facts, preview: FeePreview, verdict: Verdict, excesses: list[_Excess]
) -> Findings:
    findings = Findings()
    good = [one for one in excesses if one.given_back >= one.above]
    owed = [one for one in excesses if one.given_back < one.above]
    if good:
        findings.extend(facts.settled(_missing(preview, verdict, good), "paid"))
    if not owed:
        return findings
    missing = _missing(preview, verdict, owed)
    if verdict in CONFIDENCE:
        findings.extend(facts.judge(missing))
    else:
        findings.extend(facts.settled(missing, verdict.value))
    return findings


def _missing(preview: FeePreview, verdict: Verdict, excesses: list[_Excess]) -> Missing:
    first = min(excesses, key=lambda one: one.charge.day).charge
    units = sum(one.charge.units for one in excesses)
    above = sum(one.above for one in excesses)
    back = sum(one.given_back for one in excesses)
    return Missing(
        key=f"{CLAIM_TYPE}:{first.settlement}:{preview.sku}",
        claim_type=CLAIM_TYPE,
        fnsku=preview.fnsku,
        sku=preview.sku,
        order_id="",
        reference_id=first.settlement,
        quantity=units,
        event_date=first.day,
        value_minor=above - back,
        confidence=CONFIDENCE.get(verdict, 0.0),
        confident_because=f"the measures of that month were {verdict.value.replace('_', ' ')};"
        " what is usual follows from the seller's other products",
        explanation={
            "settlement": first.settlement,
            "size_tier": preview.size_tier,
            "expected_fee": preview.fee,
            "measures": verdict.value,
            "charges": [
                {
                    "order": one.charge.order_id,
                    "day": one.charge.day.isoformat(),
                    "units": one.charge.units,
                    "booked": one.charge.booked,
                    "usual": one.usual,
                }
                for one in excesses[:MOST_CHARGES_SHOWN]
            ],
            "arithmetic": f"{sum(one.charge.booked for one in excesses)} booked -"
            f" {sum(one.usual for one in excesses)} usual - {back} given back = {above - back}"
            f" for {units}",
        },
    )
