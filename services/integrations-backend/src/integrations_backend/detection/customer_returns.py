"""Refunded or replaced units that never came back, or came back broken through Amazon's fault.

A refund row of a settlement (or a replacement shipment) needs a return of the same order and SKU, or a
reimbursement that names the order. The value is the sale price less Amazon's fees (`sale_values`).
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl

from integrations_backend.archive import ROW_KEY
from integrations_backend.detection.facts import Facts, Missing
from integrations_backend.detection.findings import Findings
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
AMAZONS_FAULT = frozenset({"CARRIER_DAMAGED", "WAREHOUSE_DAMAGED", "DISTRIBUTOR_DAMAGED"})
RETURNED_CONFIDENCE = 0.9


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
    back = _returned(facts.rows[RETURNS])
    paid = _paid(facts)
    values = sale_values(facts)
    fnskus = _fnskus(facts)
    gone = _refunds(facts.rows[SETTLEMENT])
    if REPLACEMENTS in facts.rows:
        gone += _replacements(facts.rows[REPLACEMENTS])
    for unit in gone:
        findings.extend(_judge(facts, _missing(unit, values, fnskus), back, paid))
    return findings


def _judge(
    facts: Facts, missing: Missing, back: dict[Key, list[str]], paid: dict[str, int]
) -> Findings:
    dispositions = back[missing.order_id, missing.sku]
    if paid[missing.order_id]:
        paid[missing.order_id] -= 1
        return facts.settled(missing, "paid")
    if dispositions:
        disposition = dispositions.pop(0)
        if disposition not in AMAZONS_FAULT:
            return facts.settled(missing, "returned")
        missing.explanation["returned_as"] = disposition
    return facts.judge(missing)


def _returned(returns: pl.DataFrame) -> dict[Key, list[str]]:
    back: dict[Key, list[str]] = defaultdict(list)
    for row in returns.sort("return-date", ROW_KEY).iter_rows(named=True):
        back[row["order-id"], row["sku"]] += [row["detailed-disposition"]] * int(row["quantity"])
    return back


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
    for report_type in (SALES, RETURNS):
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
