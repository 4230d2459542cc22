"""Removal orders of which fewer units were sent than left the stock."""

from collections import defaultdict
from datetime import datetime

import polars as pl

from integrations_backend.archive import OCCURRENCE, ROW_KEY
from integrations_backend.detection.facts import Facts, Missing
from integrations_backend.detection.findings import Findings
from integrations_backend.reports.kinds import (
    LEDGER,
    REIMBURSEMENTS,
    REMOVAL_ORDERS,
    REMOVAL_SHIPMENTS,
)

CLAIM_TYPE = "removal_lost"
CONFIDENCE = 0.9

Key = tuple[str, str]


def find(facts: Facts) -> Findings:
    """Units that the removal order counts as shipped and no parcel has."""
    findings = Findings()
    if not facts.read(REMOVAL_ORDERS, REMOVAL_SHIPMENTS, LEDGER, REIMBURSEMENTS):
        return findings
    sent: dict[Key, int] = defaultdict(int)
    last: dict[Key, datetime] = {}
    for row in facts.rows[REMOVAL_SHIPMENTS].iter_rows(named=True):
        key = row["order-id"], row["fnsku"]
        sent[key] += int(row["shipped-quantity"])
        last[key] = max(last.get(key, row["shipment-date"]), row["shipment-date"])
    paid = _paid(facts.rows[REIMBURSEMENTS])
    for row in _finished(facts.rows[REMOVAL_ORDERS]).iter_rows(named=True):
        key = row["order-id"], row["fnsku"]
        short = int(row["shipped-quantity"]) - sent[key]
        if short > 0 and key in last:
            findings.extend(_judge(facts, row, short, last[key], paid))
    return findings


def _finished(orders: pl.DataFrame) -> pl.DataFrame:
    """Units by order and item, once nothing is in process.

    Lines of one item (a disposition each) belong together: parcels and payments do not say for which.
    """
    waiting = pl.col("in-process-quantity").fill_null(0).sum()
    return (
        orders.sort(ROW_KEY, OCCURRENCE)
        .group_by("order-id", "fnsku", maintain_order=True)
        .agg(pl.col("sku").first(), pl.col("shipped-quantity").sum(), waiting)
        .filter(pl.col("in-process-quantity") == 0)
    )


def _paid(reimbursements: pl.DataFrame) -> dict[Key, int]:
    """Units by order and item; whether a payment was rightly taken back is judged by `reversals`."""
    paid: dict[Key, int] = defaultdict(int)
    kept = (pl.col("amazon-order-id") != "") & (pl.col("original-reimbursement-id") == "")
    for row in reimbursements.filter(kept).iter_rows(named=True):
        units = (row["quantity-reimbursed-cash"] or 0) + (row["quantity-reimbursed-inventory"] or 0)
        paid[row["amazon-order-id"], row["fnsku"]] += int(units)
    return paid


def _judge(
    facts: Facts, row: dict[str, object], short: int, shipped: datetime, paid: dict[Key, int]
) -> Findings:
    order_id, fnsku = str(row["order-id"]), str(row["fnsku"])
    answered = min(short, paid[order_id, fnsku])
    missing = Missing(
        key=f"{CLAIM_TYPE}:{order_id}:{fnsku}",
        claim_type=CLAIM_TYPE,
        fnsku=fnsku,
        sku=str(row["sku"]),
        order_id=order_id,
        reference_id=order_id,
        quantity=short - answered,
        event_date=shipped.date(),
        value_minor=None,
        confidence=CONFIDENCE,
        confident_because="the order is finished and its parcels hold fewer units than left the stock",
        explanation={
            "left_the_stock": row["shipped-quantity"],
            "in_parcels": int(str(row["shipped-quantity"])) - short,
            "paid": answered,
            "arithmetic": f"{short} in no parcel - {answered} paid = {short - answered} open",
        },
    )
    findings = Findings()
    if answered:
        findings.extend(facts.settled(missing, "paid", quantity=answered))
    if short > answered:
        findings.extend(facts.judge(missing))
    return findings
