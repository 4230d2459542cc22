"""Where every unit is: what the ledger booked, by FNSKU and centre, and where it does not come out even.

Units between centres and units that change their state leave and arrive: each sums to zero. What was
booked in all, and the balance from before the first row that was read, is what is in stock. Where one of
these does not hold, the ledger says so; it hides nothing and mends nothing.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

import polars as pl

from integrations_backend.unit_ledger.summary import read_balances

DAMAGE_CODES = ("6", "7", "E", "H", "K", "U")
STATE_CODES = (*DAMAGE_CODES, "P", "Q")
"""A damage code is followed by P into the damaged state, Q by P into another one (facts section 4)."""
_MOVEMENTS = {
    "received": pl.col("event-type") == "Receipts",
    "shipped": pl.col("event-type") == "Shipments",
    "returned": pl.col("event-type") == "CustomerReturns",
    "removed": pl.col("event-type") == "VendorReturns",
    "transferred": pl.col("event-type") == "WhseTransfers",
    "found": pl.col("reason").is_in(["F", "N"]),
    "lost": pl.col("reason").is_in(["M", "5"]),
    "changed_state": pl.col("reason").is_in(STATE_CODES),
    "disposed": pl.col("reason").is_in(["D", "G"]),
    "redefined": pl.col("reason").is_in(["3", "4"]),
}
MOVEMENTS = (*_MOVEMENTS, "other")
"""In which every row of the ledger is exactly one; `other` holds corrections and what is new."""


class Uneven(StrEnum):
    """What does not come out even."""

    ON_THE_WAY = "on_the_way"
    STATE = "state"
    STOCK = "stock"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class Imbalance:
    """Units too many (or, below zero, too few) at a place, and why that is one."""

    what: Uneven
    centre: str
    units: int
    because: str


@dataclass(frozen=True, slots=True)
class CentreLine:
    """Units booked at one centre by movement; `net` is their sum."""

    centre: str
    moved: dict[str, int]

    @property
    def net(self) -> int:
        """What is left at the centre of everything that was booked there."""
        return sum(self.moved.values())


@dataclass(slots=True)
class ItemLedger:
    """One FNSKU. `opening` and `in_stock` are null where no report that was read tells them."""

    fnsku: str
    sku: str
    centres: list[CentreLine] = field(default_factory=list)
    opening: int | None = None
    in_stock: int | None = None
    imbalances: list[Imbalance] = field(default_factory=list)

    @property
    def booked(self) -> int:
        """Units of all centres."""
        return sum(one.net for one in self.centres)


def unit_ledger(
    ledger: pl.LazyFrame,
    *,
    stock: pl.DataFrame | None = None,
    summary: pl.LazyFrame | None = None,
    after: str = "",
    limit: int | None = None,
) -> list[ItemLedger]:
    """Items in the order of their FNSKU, those after one of them if told, so many at most.

    `stock` is the newest inventory report, `summary` the ledger's summary by month.
    """
    wanted = ledger.filter(pl.col("fnsku") > after)
    if limit is not None:
        names = wanted.select(pl.col("fnsku").unique().bottom_k(limit)).collect().to_series()
        wanted = wanted.filter(pl.col("fnsku").is_in(names.implode()))
    items = {item.fnsku: item for item in _items(wanted)}
    for item in items.values():
        item.imbalances += [*_transfers(item), *_states(item)]
    if summary is not None:
        balances = read_balances(summary.filter(pl.col("fnsku").is_in(list(items))), wanted)
        for fnsku, of_item in balances.items():
            items[fnsku].opening = of_item.opening
            items[fnsku].imbalances += [
                Imbalance(Uneven.SUMMARY, place, units, because)
                for place, units, because in of_item.gaps
            ]
    if stock is not None:
        _check_stock(items, stock)
    return [items[fnsku] for fnsku in sorted(items)]


def _items(ledger: pl.LazyFrame) -> Iterable[ItemLedger]:
    movement = pl.lit("other")
    for name, is_it in reversed(_MOVEMENTS.items()):
        movement = pl.when(is_it).then(pl.lit(name)).otherwise(movement)
    booked = (
        ledger.group_by("fnsku", "fulfillment-center", movement.alias("movement"))
        .agg(pl.col("quantity").sum(), pl.col("msku").max())
        .sort("fnsku", "fulfillment-center", "movement")
        .collect(engine="streaming")
    )
    for (fnsku,), rows in booked.group_by("fnsku", maintain_order=True):
        item = ItemLedger(str(fnsku), str(rows["msku"].max()))
        centres: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(MOVEMENTS, 0))
        for row in rows.iter_rows(named=True):
            centres[row["fulfillment-center"]][row["movement"]] += row["quantity"]
        item.centres = [CentreLine(name, moved) for name, moved in sorted(centres.items())]
        yield item


def _transfers(item: ItemLedger) -> Iterable[Imbalance]:
    units = sum(one.moved["transferred"] for one in item.centres)
    if units:
        way = "left a centre and did not arrive at another" if units < 0 else "arrived from nowhere"
        yield Imbalance(Uneven.ON_THE_WAY, "", units, f"{abs(units)} {way}")


def _states(item: ItemLedger) -> Iterable[Imbalance]:
    for one in item.centres:
        units = one.moved["changed_state"]
        if units:
            way = "left a state for none" if units < 0 else "came into a state from none"
            yield Imbalance(Uneven.STATE, one.centre, units, f"{abs(units)} {way}")


def _check_stock(items: dict[str, ItemLedger], stock: pl.DataFrame) -> None:
    """Compare with what is in the centres; nothing is said where the opening balance is not known."""
    held = pl.sum_horizontal(
        pl.col(f"afn-{kind}-quantity").fill_null(0)
        for kind in ("fulfillable", "unsellable", "reserved")
    )
    totals = dict(stock.group_by("fnsku").agg(held.sum()).iter_rows())
    for fnsku, item in items.items():
        if fnsku not in totals:
            continue
        item.in_stock = totals[fnsku]
        expected = (item.opening or 0) + item.booked
        if item.opening is not None and expected != item.in_stock:
            because = f"{expected} by the ledger, {item.in_stock} by the inventory report"
            item.imbalances.append(Imbalance(Uneven.STOCK, "", item.in_stock - expected, because))
