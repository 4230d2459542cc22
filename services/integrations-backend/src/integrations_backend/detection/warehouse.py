"""Units lost or damaged inside a fulfilment centre.

Loss rows are those with code M or 5 (misplaced) and 6 7 E H K U (damaged). Only their Unreconciled
Quantity counts: what has been neither found nor paid. A find or payment may come before the ledger shows
it, so the newest are paired off against open units (facts/amazon-gmail.md sections 4, 6).
"""

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import polars as pl

from integrations_backend.archive import OCCURRENCE, ROW_KEY
from integrations_backend.detection.facts import Facts, Missing
from integrations_backend.detection.findings import Findings
from integrations_backend.reports.kinds import LEDGER, REIMBURSEMENTS

LOST, DAMAGED = "warehouse_lost", "warehouse_damaged"
CODES = {
    **dict.fromkeys(("M", "5"), LOST),
    **dict.fromkeys(("6", "7", "E", "H", "K", "U"), DAMAGED),
}
LOSS_CODES = list(CODES)
PAID_AS = {"lostwarehouse": LOST, "damagedwarehouse": DAMAGED}
FOUND_CODES = ("F", "N")
GIVEN_BACK_CODE = "N"
LEDGER_DELAY_DAYS = 5
"""So long the ledger may take to reconcile a row with what has answered it."""
EARLY_PAYMENT_DAYS = 1
"""Dates of the two reports may differ by a time zone."""
CERTAIN, LIKELY = 0.98, 0.9
KEY_CHARS = 16
"""Of the hash of a row's cells in a claim's key: rows that differ in any cell are two losses."""


@dataclass(slots=True)
class _Row:
    """One loss row: units that nothing has answered, and reconciled ones whose answer is not known."""

    data: dict[str, Any]
    place: int
    open: int
    unexplained: int
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

    def take(self, answer: "_Answer", units: int, *, reconciled: bool) -> int:
        """Let an answer be for some of the units; answers how many it took."""
        taken = min(units, self.unexplained if reconciled else self.open)
        if not taken:
            return 0
        if reconciled:
            self.unexplained -= taken
        else:
            self.open -= taken
        if answer.paid:
            self.paid += taken
        else:
            self.found += taken
        self.answers.append(f"{taken} {answer.text}")
        return taken


@dataclass(frozen=True, slots=True)
class _Answer:
    """Units that were found or paid for. `latest_loss` is the last day whose losses they can answer."""

    claim_type: str
    fnsku: str
    units: int
    day: date
    latest_loss: date
    text: str
    paid: bool = False


Groups = dict[tuple[str, str], list[_Row]]


def find(facts: Facts) -> Findings:
    """Claims and other losses of both types."""
    findings = Findings()
    if not facts.read(LEDGER, REIMBURSEMENTS):
        return findings
    groups = _loss_rows(facts.scan(LEDGER))
    payments, in_stock = _payments(facts.rows[REIMBURSEMENTS])
    answers = [*_finds(facts.scan(LEDGER), in_stock), *payments]
    # Those that can answer the fewest losses come first, so that no later one takes their units.
    for answer in sorted(answers, key=lambda one: one.latest_loss):
        shown = answer.day + timedelta(days=LEDGER_DELAY_DAYS) < facts.as_of
        _pair(groups.get((answer.claim_type, answer.fnsku), []), answer, shown=shown)
    for (claim_type, _), rows in groups.items():
        for row in rows:
            findings.extend(_judge(facts, claim_type, row))
    return findings


def _loss_rows(ledger: pl.LazyFrame) -> dict[tuple[str, str], list[_Row]]:
    """Loss rows by claim type and FNSKU, oldest first.

    Identical rows are told apart by their place. The most open one comes first, so that a file with
    its rows in another order names the same losses.
    """
    rows = (
        ledger.filter(
            (pl.col("event-type") == "Adjustments")
            & pl.col("reason").is_in(LOSS_CODES)
            & (pl.col("quantity") < 0)
        )
        .sort("date", ROW_KEY, pl.col("unreconciled-quantity").neg(), OCCURRENCE)
        .with_columns(pl.int_range(1, pl.len() + 1).over(ROW_KEY).alias("place"))
        .collect()
    )
    groups: Groups = defaultdict(list)
    for data in rows.iter_rows(named=True):
        lost = -int(data["quantity"])
        unreconciled = min(lost, int(data["unreconciled-quantity"] or 0))
        row = _Row(data, data["place"], open=unreconciled, unexplained=lost - unreconciled)
        groups[CODES[data["reason"]], data["fnsku"]].append(row)
    return groups


def _finds(ledger: pl.LazyFrame, in_stock: dict[str, int]) -> list[_Answer]:
    """Found units, without those that Amazon gave back as a payment: they are booked as found too."""
    found = ledger.filter(pl.col("reason").is_in(FOUND_CODES) & (pl.col("quantity") > 0))
    answers = []
    for data in found.sort("date", ROW_KEY).collect().iter_rows(named=True):
        units, fnsku, day = int(data["quantity"]), data["fnsku"], data["date"]
        if data["reason"] == GIVEN_BACK_CODE:
            paid_in_stock = min(units, in_stock[fnsku])
            in_stock[fnsku] -= paid_in_stock
            units -= paid_in_stock
        answers.append(_Answer(LOST, fnsku, units, day, day, f"found on {day}"))
    return answers


def _payments(paid: pl.DataFrame) -> tuple[list[_Answer], dict[str, int]]:
    """Payments for warehouse losses, and the units of them given back in stock, by FNSKU."""
    answers = []
    in_stock: dict[str, int] = defaultdict(int)
    rows = paid.filter(
        (pl.col("amazon-order-id") == "") & (pl.col("original-reimbursement-id") == "")
    ).sort("approval-date", "reimbursement-id", ROW_KEY)
    for data in rows.iter_rows(named=True):
        claim_type = PAID_AS.get(data["reason"].lower().replace("_", "").replace(" ", ""))
        if claim_type is None:
            continue
        cash = max(0, int(data["quantity-reimbursed-cash"] or 0))
        stock = max(0, int(data["quantity-reimbursed-inventory"] or 0))
        in_stock[data["fnsku"]] += stock
        day = data["approval-date"].date()
        latest = day + timedelta(days=EARLY_PAYMENT_DAYS)
        for how, units in (("cash", cash), ("stock", stock)):
            text = f"paid in {how}: reimbursement {data['reimbursement-id']}"
            answers.append(_Answer(claim_type, data["fnsku"], units, day, latest, text, paid=True))
    return answers, in_stock


def _pair(rows: list[_Row], answer: _Answer, *, shown: bool) -> None:
    """Take the answered units off, oldest loss first.

    What the ledger had time to show is among its reconciled units. What is newer is not, so it answers
    open units first: a unit that was paid yesterday must not be claimed today.
    """
    left = answer.units
    for reconciled in (shown, not shown):
        for row in rows:
            if row.day <= answer.latest_loss:
                left -= row.take(answer, left, reconciled=reconciled)


def _judge(facts: Facts, claim_type: str, row: _Row) -> Findings:
    data, open_units = row.data, row.open
    settled_units = row.lost - open_units
    missing = Missing(
        key=f"{claim_type}:{data['fnsku']}:{data['reference-id']}:{data['date']}"
        f":{hashlib.sha256(data[ROW_KEY].encode()).hexdigest()[:KEY_CHARS]}:{row.place}",
        claim_type=claim_type,
        fnsku=data["fnsku"],
        sku=data["msku"],
        order_id="",
        reference_id=data["reference-id"],
        quantity=open_units,
        event_date=row.day,
        value_minor=None,
        confidence=LIKELY if row.answers else CERTAIN,
        confident_because="some of its units were answered; which, only the ledger knows"
        if row.answers
        else "the ledger itself shows the units as open",
        explanation={
            "ledger_line": data["line"],
            "code": data["reason"],
            "centre": data["fulfillment-center"],
            "lost": row.lost,
            "reconciled": int(data["reconciled-quantity"] or 0),
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
