"""Units lost or damaged inside a fulfilment centre.

Loss rows are those with code M or 5 (misplaced) and 6 7 E H K U (damaged). Only their Unreconciled
Quantity counts: what has been neither found nor paid. A payment may come before the ledger shows it, so
payments are paired off against what they have not reconciled yet (facts/amazon-gmail.md sections 4, 6).
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import polars as pl

from integrations_backend.detection.facts import Facts, Missing
from integrations_backend.detection.findings import Findings
from integrations_backend.reports.kinds import LEDGER, REIMBURSEMENTS

LOST, DAMAGED = "warehouse_lost", "warehouse_damaged"
CODES = {
    **dict.fromkeys(("M", "5"), LOST),
    **dict.fromkeys(("6", "7", "E", "H", "K", "U"), DAMAGED),
}
PAID_AS = {"lostwarehouse": LOST, "damagedwarehouse": DAMAGED}
FOUND_CODES = ("F", "N")
EARLY_PAYMENT_DAYS = 1
"""Dates of the two reports may differ by a time zone."""
CERTAIN, LIKELY = 0.98, 0.9


@dataclass(slots=True)
class _Row:
    """One loss row, with what has answered it so far."""

    data: dict[str, Any]
    found: int = 0
    paid: int = 0
    answers: list[str] = field(default_factory=list)

    @property
    def day(self) -> date:
        day: date = self.data["date"]
        return day

    @property
    def lost(self) -> int:
        return -int(self.data["quantity"])

    @property
    def reconciled(self) -> int:
        return int(self.data["reconciled-quantity"] or 0)

    @property
    def open(self) -> int:
        """Unreconciled units that no payment has answered beyond what is reconciled already."""
        unseen = max(0, self.found + self.paid - self.reconciled)
        return max(0, int(self.data["unreconciled-quantity"] or 0) - unseen)

    @property
    def room(self) -> int:
        """Units a further payment could be for."""
        return max(0, self.lost - self.found - self.paid)


def find(facts: Facts) -> Findings:
    """Claims and other losses of both types."""
    findings = Findings()
    if not facts.read(LEDGER, REIMBURSEMENTS):
        return findings
    groups = _loss_rows(facts.rows[LEDGER])
    _pair_found(groups, facts.rows[LEDGER])
    _pair_payments(groups, facts.rows[REIMBURSEMENTS])
    for (claim_type, _), rows in groups.items():
        for row in rows:
            findings.extend(_judge(facts, claim_type, row))
    return findings


def _loss_rows(ledger: pl.DataFrame) -> dict[tuple[str, str], list[_Row]]:
    rows = ledger.filter(
        (pl.col("event-type") == "Adjustments")
        & pl.col("reason").is_in(list(CODES))
        & (pl.col("quantity") < 0)
    ).sort("date", "row_key", "occurrence")
    groups: dict[tuple[str, str], list[_Row]] = defaultdict(list)
    for data in rows.iter_rows(named=True):
        groups[CODES[data["reason"]], data["fnsku"]].append(_Row(data))
    return groups


def _pair_found(groups: dict[tuple[str, str], list[_Row]], ledger: pl.DataFrame) -> None:
    found = ledger.filter(pl.col("reason").is_in(FOUND_CODES) & (pl.col("quantity") > 0))
    for data in found.sort("date").iter_rows(named=True):
        units = int(data["quantity"])
        for row in groups.get((LOST, data["fnsku"]), ()):
            if row.day > data["date"] or not units:
                continue
            taken = min(units, row.room)
            row.found += taken
            units -= taken
            if taken:
                row.answers.append(f"{taken} found on {data['date']}")


def _pair_payments(groups: dict[tuple[str, str], list[_Row]], paid: pl.DataFrame) -> None:
    rows = paid.filter(
        (pl.col("amazon-order-id") == "") & (pl.col("original-reimbursement-id") == "")
    ).sort("approval-date", "reimbursement-id")
    for data in rows.iter_rows(named=True):
        claim_type = PAID_AS.get(data["reason"].lower().replace("_", "").replace(" ", ""))
        cash, stock = data["quantity-reimbursed-cash"], data["quantity-reimbursed-inventory"]
        units = max(0, int(cash or 0)) + max(0, int(stock or 0))
        day = data["approval-date"].date()
        for row in groups.get((claim_type or "", data["fnsku"]), ()):
            if not units or row.day > day + timedelta(days=EARLY_PAYMENT_DAYS):
                continue
            # Stock given back is booked as found (code N): do not count it twice.
            taken = min(units, row.room if cash else row.lost - row.paid)
            row.paid += taken if cash else max(0, taken - row.found)
            units -= taken
            if taken:
                how = "cash" if cash else "stock"
                row.answers.append(
                    f"{taken} paid in {how}: reimbursement {data['reimbursement-id']}"
                )


def _judge(facts: Facts, claim_type: str, row: _Row) -> Findings:
    data, open_units = row.data, row.open
    settled_units = row.lost - open_units
    missing = Missing(
        key=f"{claim_type}:{data['fnsku']}:{data['reference-id']}:{data['date']}"
        f":{data['fulfillment-center']}:{data['occurrence']}",
        claim_type=claim_type,
        fnsku=data["fnsku"],
        sku=data["msku"],
        order_id="",
        reference_id=data["reference-id"],
        quantity=open_units,
        event_date=row.day,
        value_minor=None,
        confidence=LIKELY if row.answers else CERTAIN,
        explanation={
            "ledger_line": data["line"],
            "code": data["reason"],
            "centre": data["fulfillment-center"],
            "lost": row.lost,
            "reconciled": row.reconciled,
            "answered_by": row.answers,
            "open": open_units,
            "arithmetic": f"{row.lost} lost - {settled_units} found, paid or reconciled"
            f" = {open_units} open",
        },
    )
    findings = Findings()
    if settled_units:
        reason = "paid" if row.paid else "found" if row.found else "reconciled"
        findings.extend(facts.settled(missing, reason, quantity=settled_units))
    if open_units:
        findings.extend(facts.judge(missing))
    return findings
