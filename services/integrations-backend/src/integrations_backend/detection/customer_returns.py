"""Refunded or replaced units that never came back, or another thing in their place, or broken by Amazon.

A refund row of a settlement (or a replacement shipment) needs a return of the same order and SKU, or a
reimbursement that names the order. What came back is judged by `returned_units`. The value is the sale price
less Amazon's fees (`sale_values`).
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import polars as pl

from integrations_backend.archive import ROW_KEY
from integrations_backend.detection.facts import Facts, Missing
from integrations_backend.detection.findings import Findings
from integrations_backend.detection.returned_units import Proof, Returned
from integrations_backend.detection.sale_values import Key, SaleValues, sale_values
from integrations_backend.reports import settlements
from integrations_backend.reports.kinds import (
    REIMBURSEMENTS,
    REPLACEMENTS,
    RETURNS,
    SALES,
    SETTLEMENT,
)

CLAIM_TYPE = "customer_return"
RETURNED_CONFIDENCE = 0.9
LESS_SURE = {
    Proof.REBOOKED: (
        0.75,
        "the ledger does not name the order: as many units were moved as came back",
    ),
    Proof.WRONG_ITEM: (
        0.7,
        "the label is another product's; only a look at the unit tells what it is",
    ),
}


@dataclass(frozen=True, slots=True)
class _Gone:
    """The how-manieth unit that a refund or replacement let go."""

    via: Literal["refund", "replacement"]
    reference: str
    unit: int
    order: Key
    day: date


def find(facts: Facts) -> Findings:
    """Claims and other losses of refunds and replacements."""
    findings = Findings()
    if not facts.read(SETTLEMENT, RETURNS, REIMBURSEMENTS):
        return findings
    paid = _paid(facts)
    values = sale_values(facts)
    fnskus = _fnskus(facts)
    gone = _refunds(facts.rows[SETTLEMENT])
    if REPLACEMENTS in facts.rows:
        gone += _replacements(facts.rows[REPLACEMENTS])
    back = Returned.of(facts, _ordered(facts, gone))
    for unit in gone:
        findings.extend(_judge(facts, _missing(unit, values, fnskus), back, paid))
    return findings


def _judge(facts: Facts, missing: Missing, back: Returned, paid: dict[str, int]) -> Findings:
    if paid[missing.order_id]:
        paid[missing.order_id] -= 1
        return facts.settled(missing, "paid")
    if units := back.units[missing.order_id, missing.sku]:
        unit = units.pop(0)
        missing.explanation.update(unit.shown)
        if unit.proof in {Proof.RETURNED, Proof.OTHER_LABEL, Proof.REBOOKED_UNCLEAR}:
            return facts.settled(missing, unit.proof.value)
        return facts.judge(_less_sure(missing, unit.proof))
    if strangers := back.strangers[missing.order_id]:
        missing.explanation.update(strangers.pop(0).shown)
        missing.explanation["because"] = "another product came back, which the order did not hold"
        return facts.judge(_less_sure(missing, Proof.WRONG_ITEM))
    return facts.judge(missing)


def _less_sure(missing: Missing, proof: Proof) -> Missing:
    missing.explanation["proof"] = proof.value
    confidence, because = LESS_SURE.get(proof, (missing.confidence, missing.confident_because))
    return replace(missing, confidence=confidence, confident_because=because)


def _ordered(facts: Facts, gone: list[_Gone]) -> set[Key]:
    """What each order that something came back of held, as far as any report tells."""
    ordered = {one.order for one in gone}
    returned = facts.rows[RETURNS]["order-id"].unique().to_list()
    for kind, order in ((SALES, "amazon-order-id"), (SETTLEMENT, "order-id")):
        if kind in facts.rows:
            held = facts.scan(kind).filter(pl.col(order).is_in(returned)).select(order, "sku")
            ordered |= set(held.unique().collect().iter_rows())
    return ordered


def _paid(facts: Facts) -> dict[str, int]:
    """Reimbursed units by order, in cash or stock; those of settlements where nothing else tells.

    A payment that was taken back stays one here: whether that was right is judged by `reversals`.
    """
    paid: dict[str, int] = defaultdict(int)
    rows = facts.rows[REIMBURSEMENTS].filter(
        (pl.col("amazon-order-id") != "") & (pl.col("original-reimbursement-id") == "")
    )
    for row in rows.iter_rows(named=True):
        units = (row["quantity-reimbursed-cash"] or 0) + (row["quantity-reimbursed-inventory"] or 0)
        paid[row["amazon-order-id"]] += int(units)
    booked = settlements.reimbursements(facts.rows[SETTLEMENT]).filter(pl.col("order-id") != "")
    for row in booked.iter_rows(named=True):
        if row["order-id"] not in paid:
            paid[row["order-id"]] += int(row["quantity-purchased"] or 1)
    return paid


def _fnskus(facts: Facts) -> dict[str, str]:
    """FNSKU by SKU, as far as shipments and returns tell."""
    known: dict[str, str] = {}
    for report_type in (RETURNS, SALES):  # what was sent is surer than what came back
        if report_type in facts.rows:
            pairs = facts.rows[report_type].select("sku", "fnsku").unique().sort("sku", "fnsku")
            known |= dict(pairs.iter_rows())
    return known


def _refunds(rows: pl.DataFrame) -> list[_Gone]:
    return [
        _Gone(
            "refund",
            row["adjustment-id"],
            1,
            (row["order-id"], row["sku"]),
            row["posted-date"].date(),
        )
        for row in settlements.refunds(rows).iter_rows(named=True)
        if row["order-id"] and row["principal"] < 0
    ]


def _replacements(rows: pl.DataFrame) -> list[_Gone]:
    """Every unit of its own: one replacement order may be shipped in several parts."""
    gone = []
    sent: dict[tuple[str, Key], int] = defaultdict(int)
    for row in rows.sort("shipment-date", ROW_KEY).iter_rows(named=True):
        replacement = row["replacement-amazon-order-id"]
        order = row["original-amazon-order-id"], row["sku"]
        for _ in range(int(row["quantity"])):
            sent[replacement, order] += 1
            unit, day = sent[replacement, order], row["shipment-date"].date()
            gone.append(_Gone("replacement", replacement, unit, order, day))
    return gone


def _missing(gone: _Gone, values: SaleValues, fnskus: dict[str, str]) -> Missing:
    order_id, sku = gone.order
    value = values.by_order.get(gone.order)
    return Missing(
        key=f"{CLAIM_TYPE}:{order_id}:{sku}:{gone.via}:{gone.reference}:{gone.unit}",
        claim_type=CLAIM_TYPE,
        fnsku=fnskus.get(sku, ""),
        sku=sku,
        order_id=order_id,
        reference_id=gone.reference,
        quantity=1,
        event_date=gone.day,
        value_minor=value,
        confidence=RETURNED_CONFIDENCE,
        confident_because="returns are matched by order and SKU; a label mixed up on the way would not be",
        explanation={
            gone.via: gone.reference,
            "returned": False,
            "arithmetic": values.arithmetic
            if value is not None
            else "the sale is in no settlement that was read: value unknown",
        },
    )
