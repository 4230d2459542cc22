"""Payments that Amazon took back although the unit was neither found nor returned.

A reversal is right when the unit came to light: a find in the ledger, a return of the order, a late
receipt of the shipment, a late parcel of the removal. Each such unit excuses one reversal. Amazon
publishes neither a reason nor a window: every claim says that a person must look first (facts section 6).
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from integrations_backend.archive import ROW_KEY
from integrations_backend.detection.facts import Facts, Missing
from integrations_backend.detection.findings import Findings
from integrations_backend.detection.payments import Payment, payments_of
from integrations_backend.detection.warehouse import FOUND_CODES, LEDGER_DELAY_DAYS
from integrations_backend.reports.kinds import (
    LEDGER,
    REIMBURSEMENTS,
    REMOVAL_SHIPMENTS,
    RETURNS,
)

CLAIM_TYPE = "reversal"
CONFIDENCE = 0.6

Place = tuple[str, str]
"""Where units came to light: (order, shipment or removal id, item), or ("", FNSKU) in a centre."""


@dataclass(slots=True)
class _CameBack:
    """Units that came to light on a day, as far as no reversal used them yet."""

    day: date
    units: int
    text: str


Back = dict[Place, list[_CameBack]]


def find(facts: Facts) -> Findings:
    """Claims and other losses of payments taken back."""
    findings = Findings()
    if not facts.read(REIMBURSEMENTS, LEDGER, RETURNS):
        return findings
    payments = payments_of(facts.rows[REIMBURSEMENTS])
    known = {one.reimbursement_id: one for one in payments.paid}
    paid_last = {one.order_id: one.day for one in payments.paid}
    orders = [
        taken.order_id or (known[taken.original_id].order_id if taken.original_id in known else "")
        for taken in payments.taken_back
    ]
    back = _came_back(facts, {one.fnsku for one in payments.taken_back}, set(orders))
    for taken, order_id in zip(payments.taken_back, orders, strict=True):
        original = known.get(taken.original_id)
        since = original.day if original else date.min
        excuses = _excuses(taken, order_id, since, back)
        missing = _missing(taken, order_id, excuses, known=original is not None)
        if order_id and paid_last.get(order_id, date.min) > taken.day:
            findings.extend(facts.settled(missing, "paid", quantity=taken.units))
            continue
        if missing.quantity < taken.units:
            came = taken.units - missing.quantity
            findings.extend(facts.settled(missing, "found", quantity=came))
        if missing.quantity:
            findings.extend(facts.judge(missing))
    return findings


def _excuses(taken: Payment, order_id: str, since: date, back: Back) -> list[tuple[int, str]]:
    """Units that came to light between the payment and the reversal, with the words for them."""
    places = [(order_id, taken.fnsku), (order_id, taken.sku)] if order_id else [("", taken.fnsku)]
    until = taken.day + timedelta(days=LEDGER_DELAY_DAYS)
    left, excuses = taken.units, []
    for one in (event for place in places for event in back.get(place, ())):
        units = min(left, one.units) if since <= one.day <= until else 0
        if units:
            one.units, left = one.units - units, left - units
            excuses.append((units, f"{units} {one.text} on {one.day}"))
    return excuses


def _missing(
    taken: Payment, order_id: str, excuses: list[tuple[int, str]], *, known: bool
) -> Missing:
    units = taken.units - sum(count for count, _ in excuses)
    value = -taken.amount_minor * units // taken.units
    return Missing(
        key=f"{CLAIM_TYPE}:{taken.reimbursement_id}:{taken.fnsku}",
        claim_type=CLAIM_TYPE,
        fnsku=taken.fnsku,
        sku=taken.sku,
        order_id=order_id,
        reference_id=taken.reimbursement_id,
        quantity=units,
        event_date=taken.day,
        value_minor=value,
        confidence=CONFIDENCE if known else CONFIDENCE / 2,
        confident_because="Amazon gives no reason in its reports: look at the case before filing"
        if known
        else "the payment that was taken back is in no report that was read",
        explanation={
            "reversal": taken.reimbursement_id,
            "payment_taken_back": taken.original_id,
            "report_line": taken.line,
            "came_to_light": [text for _, text in excuses],
            "arithmetic": f"{-taken.amount_minor} taken back for {taken.units}, of which"
            f" {taken.units - units} came to light: {value} for {units}",
        },
    )


def _came_back(facts: Facts, items: set[str], orders: set[str]) -> Back:
    """What came to light of the items and in the orders that were taken back."""
    back: Back = defaultdict(list)
    found, received = pl.col("reason").is_in(FOUND_CODES), pl.col("event-type") == "Receipts"
    ledger = (
        facts.scan(LEDGER)
        .filter(pl.col("fnsku").is_in(items) & (pl.col("quantity") > 0) & (found | received))
        .sort("date", ROW_KEY)
        .select("event-type", "reference-id", "fnsku", "date", "quantity")
        .collect()
    )
    for kind, reference, fnsku, day, units in ledger.iter_rows():
        receipt = kind == "Receipts"
        text = "received" if receipt else "found"
        back[reference if receipt else "", fnsku].append(_CameBack(day, units, text))
    of_orders = pl.col("order-id").is_in(orders)
    returns = facts.rows[RETURNS].filter(of_orders).sort("return-date", ROW_KEY)
    for row in returns.iter_rows(named=True):
        day = row["return-date"].date()
        back[row["order-id"], row["sku"]].append(_CameBack(day, row["quantity"], "returned"))
    if REMOVAL_SHIPMENTS in facts.rows:
        parcels = facts.rows[REMOVAL_SHIPMENTS].filter(of_orders).sort("shipment-date", ROW_KEY)
        for row in parcels.iter_rows(named=True):
            day, units = row["shipment-date"].date(), row["shipped-quantity"]
            back[row["order-id"], row["fnsku"]].append(_CameBack(day, units, "sent"))
    return back
