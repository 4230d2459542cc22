"""What came back of an order, and what the reports prove of it: broken by whom, and the right thing or not.

A unit that was booked as the buyer's damage is Amazon's when its ledger later moves it (Q out, P in) into a
state of Amazon's fault. That is proven where as many units were moved as had come back so, and only there.
A return names an order, a SKU and a label (FNSKU): another product's is a wrong item.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Self

import polars as pl

from integrations_backend.archive import ROW_KEY
from integrations_backend.detection.facts import Facts
from integrations_backend.detection.sale_values import Key
from integrations_backend.reports.kinds import LEDGER, RETURNS, SALES

Shelf = tuple[str, str, str]
"""FNSKU, centre and disposition."""


class Proof(StrEnum):
    """What the reports say of a unit that came back; but for `returned` and the unclear, it is owed."""

    RETURNED = "returned"
    AMAZONS_FAULT = "amazons_fault"
    REBOOKED = "rebooked"
    WRONG_ITEM = "wrong_item"
    REBOOKED_UNCLEAR = "rebooked_unclear"
    OTHER_LABEL = "other_label"


@dataclass(slots=True)
class ReturnedUnit:
    """One unit of the returns report, and what is proven of it."""

    sku: str
    fnsku: str
    centre: str
    disposition: str
    day: date
    licence_plate: str
    proof: Proof = Proof.RETURNED
    because: str = ""

    @property
    def shown(self) -> dict[str, object]:
        """For the explanation of a claim or loss."""
        return {
            "returned_as": self.disposition,
            "returned_sku": self.sku,
            "returned_fnsku": self.fnsku,
            "license_plate": self.licence_plate,
            **({"because": self.because} if self.because else {}),
        }


@dataclass(slots=True)
class Returned:
    """Units by order and SKU, oldest first; `strangers` are of SKUs that the order did not hold."""

    units: dict[Key, list[ReturnedUnit]] = field(default_factory=lambda: defaultdict(list))
    strangers: dict[str, list[ReturnedUnit]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, facts: Facts, ordered: set[Key]) -> Self:
        """Everything that came back, of orders and of others; `ordered` is what was sold."""
        found = cls()
        orders = {order for order, _ in ordered}
        labels = _Labels.of(facts)
        signs = facts.policy.returns
        every: list[ReturnedUnit] = []
        for row in facts.rows[RETURNS].sort("return-date", ROW_KEY).iter_rows(named=True):
            key = row["order-id"], row["sku"]
            for _ in range(int(row["quantity"])):
                unit = _unit(row)
                every.append(unit)
                if unit.disposition in signs.amazons_fault:
                    unit.proof = Proof.AMAZONS_FAULT
                labels.look_at(unit, key)
                if key[0] in orders and key not in ordered:
                    found.strangers[key[0]].append(unit)
                else:
                    found.units[key].append(unit)
        _look_for_rebookings(facts, every)
        return found


def _unit(row: dict[str, object]) -> ReturnedUnit:
    day: date = row["return-date"].date()  # type: ignore[attr-defined]
    return ReturnedUnit(
        sku=str(row["sku"]),
        fnsku=str(row["fnsku"]),
        centre=str(row["fulfillment-center-id"]),
        disposition=str(row["detailed-disposition"]),
        day=day,
        licence_plate=str(row["license-plate-number"] or ""),
    )


@dataclass(frozen=True, slots=True)
class _Labels:
    """Which label was sent with an order, and whose each label is, as shipments and ledger tell."""

    sent: dict[Key, set[str]]
    skus: dict[str, set[str]]

    @classmethod
    def of(cls, facts: Facts) -> Self:
        sent: dict[Key, set[str]] = defaultdict(set)
        skus: dict[str, set[str]] = defaultdict(set)
        orders, labels = (facts.rows[RETURNS][name].unique() for name in ("order-id", "fnsku"))
        if SALES in facts.rows:
            sold = facts.scan(SALES).select("amazon-order-id", "sku", "fnsku")
            mine = pl.col("amazon-order-id").is_in(orders.to_list())
            rows = sold.filter(mine | pl.col("fnsku").is_in(labels.to_list())).unique().collect()
            for order, sku, fnsku in rows.iter_rows():
                sent[order, sku].add(fnsku)
                skus[fnsku].add(sku)
        if LEDGER in facts.rows and sent:
            known = facts.scan(LEDGER).filter(pl.col("fnsku").is_in(labels.to_list()))
            for sku, fnsku in known.select("msku", "fnsku").unique().collect().iter_rows():
                skus[fnsku].add(sku)
        return cls(sent, skus)

    def look_at(self, unit: ReturnedUnit, key: Key) -> None:
        """Nothing is said where no report shows the label that was sent."""
        sent = self.sent.get(key)
        if not sent or unit.fnsku in sent:
            return
        owners = self.skus.get(unit.fnsku, set())
        if owners and unit.sku not in owners:
            unit.proof = Proof.WRONG_ITEM
            unit.because = f"{unit.fnsku} is the label of {', '.join(sorted(owners))}"
        elif unit.proof is Proof.RETURNED:
            unit.proof = Proof.OTHER_LABEL
            unit.because = "sent under another label; no report tells that it is another product"


def _look_for_rebookings(facts: Facts, units: list[ReturnedUnit]) -> None:
    shelves: dict[Shelf, list[ReturnedUnit]] = defaultdict(list)
    for unit in units:
        if unit.proof is Proof.RETURNED and unit.disposition in facts.policy.returns.buyers_fault:
            shelves[unit.fnsku, unit.centre, unit.disposition].append(unit)
    if not shelves or LEDGER not in facts.rows:
        return
    reach = timedelta(days=facts.policy.returns.rebooked_within_days)
    for shelf, day, count, to in _rebookings(facts, {shelf[0] for shelf in shelves}):
        back = [one for one in shelves.get(shelf, ()) if day - reach <= one.day <= day]
        for unit in back:
            unit.proof = Proof.REBOOKED if len(back) == count else Proof.REBOOKED_UNCLEAR
            unit.because = f"the ledger moved {count} of {len(back)} such units to {to} on {day}"


def _rebookings(facts: Facts, fnskus: set[str]) -> list[tuple[Shelf, date, int, str]]:
    """Moves from the buyer's fault into Amazon's: one state to one other, with equal units."""
    signs, moves = (
        facts.policy.returns,
        facts.scan(LEDGER).filter(
            pl.col("fnsku").is_in(list(fnskus)) & pl.col("reason").is_in(["P", "Q"])
        ),
    )
    grouped: dict[tuple[str, str, date], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    rows = moves.select("fnsku", "fulfillment-center", "date", "disposition", "quantity").collect()
    for fnsku, centre, day, disposition, units in rows.iter_rows():
        grouped[fnsku, centre, day][disposition] += units
    found = []
    for (fnsku, centre, day), states in sorted(grouped.items()):
        out = [state for state, units in states.items() if units < 0]
        into = [state for state, units in states.items() if units > 0]
        if len(out) != 1 or len(into) != 1 or states[out[0]] + states[into[0]]:
            continue
        if out[0] in signs.buyers_fault and into[0] in signs.amazons_fault:
            found.append(((fnsku, centre, out[0]), day, states[into[0]], into[0]))
    return found
