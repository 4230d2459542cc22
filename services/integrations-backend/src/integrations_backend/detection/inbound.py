"""Units of an inbound shipment that Amazon did not receive.

A row of the problem report says what was expected and what was counted. The ledger's receipts of the
shipment count on: units found later are there. What the ledger books as lost in the centre is owed as
that (`warehouse`), never here too. Amazon tells no day of delivery: the first receipt is the nearest to
it (facts section 5).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from integrations_backend.archive import ROW_KEY
from integrations_backend.detection.facts import Facts, Missing
from integrations_backend.detection.findings import Findings
from integrations_backend.detection.payments import Payment, folded_reason, payments_of
from integrations_backend.detection.warehouse import LOSS_CODES
from integrations_backend.reports.kinds import INBOUND, LEDGER, REIMBURSEMENTS

CLAIM_TYPE = "inbound_shortage"
PAID_AS = frozenset({"lostinbound", "missingfrominbound", "damagedinbound"})
CERTAIN, LIKELY = 0.9, 0.7

Item = tuple[str, str]
"""Shipment id and FNSKU."""


@dataclass(slots=True)
class _Line:
    """One item of a shipment; cartons are counted on their own."""

    sku: str
    reported: date
    lines: list[int] = field(default_factory=list)
    expected: Counter[str] = field(default_factory=Counter)
    received: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Booked:
    """What the ledger says of shipments: units received, units lost in the centre, first receipts."""

    received: Counter[Item] = field(default_factory=Counter)
    lost: Counter[Item] = field(default_factory=Counter)
    first: dict[str, date] = field(default_factory=dict)


def find(facts: Facts) -> Findings:
    """Claims and other losses of shipments that were received short."""
    findings = Findings()
    if not facts.read(INBOUND, LEDGER, REIMBURSEMENTS):
        return findings
    lines = _lines(facts.rows[INBOUND])
    booked = _booked(facts.scan(LEDGER), {shipment for shipment, _ in lines})
    paid = _Paid(payments_of(facts.rows[REIMBURSEMENTS]).paid)
    days = {item: booked.first.get(item[0]) or line.reported for item, line in lines.items()}
    # The oldest come first: payments that name no shipment are for those.
    for item, line in sorted(lines.items(), key=lambda one: (days[one[0]], one[0])):
        findings.extend(_judge(facts, item, line, days[item], booked, paid))
    return findings


def _lines(rows: pl.DataFrame) -> dict[Item, _Line]:
    """Items by shipment. Several rows of one carton tell several problems of the same units."""
    found: dict[Item, _Line] = {}
    for row in rows.sort(ROW_KEY, "line").iter_rows(named=True):
        item = row["fba-shipment-id"], row["fnsku"]
        line = found.setdefault(item, _Line(row["sku"], row["issue-reported-date"].date()))
        carton = row["fba-carton-id"] or ""
        line.lines.append(row["line"])
        line.expected[carton] = max(line.expected[carton], row["expected-quantity"] or 0)
        line.received[carton] = max(line.received[carton], row["received-quantity"] or 0)
    return found


def _booked(ledger: pl.LazyFrame, shipments: set[str]) -> _Booked:
    booked = _Booked()
    receipt = pl.col("event-type") == "Receipts"
    lost = (pl.col("event-type") == "Adjustments") & pl.col("reason").is_in(LOSS_CODES)
    lost &= pl.col("quantity") < 0
    rows = (
        ledger.filter((receipt | lost) & pl.col("reference-id").is_in(list(shipments)))
        .select("event-type", "reference-id", "fnsku", "date", "quantity")
        .collect()
    )
    for row in rows.iter_rows(named=True):
        if row["event-type"] != "Receipts":
            booked.lost[row["reference-id"], row["fnsku"]] -= row["quantity"]
            continue
        shipment, day = row["reference-id"], row["date"]
        booked.received[shipment, row["fnsku"]] += row["quantity"]
        booked.first[shipment] = min(day, booked.first.get(shipment, day))
    return booked


class _Paid:
    """Units paid for inbound losses: by shipment, or for an item alone where no shipment is named."""

    def __init__(self, payments: Iterable[Payment]) -> None:
        self._named: Counter[Item] = Counter()
        self._unnamed: dict[str, list[tuple[date, int]]] = defaultdict(list)
        for one in payments:
            if folded_reason(one.reason) not in PAID_AS:
                continue
            if one.order_id:
                self._named[one.order_id, one.fnsku] += one.units
            else:
                self._unnamed[one.fnsku].append((one.day, one.units))

    def take(self, item: Item, day: date, wanted: int) -> int:
        """How many of the wanted units were paid since that day; a payment answers once."""
        taken = min(wanted, self._named[item])
        self._named[item] -= taken
        left = []
        for approved, units in self._unnamed[item[1]]:
            now = min(units, wanted - taken) if approved >= day else 0
            taken += now
            left.append((approved, units - now))
        self._unnamed[item[1]] = left
        return taken


def _judge(
    facts: Facts, item: Item, line: _Line, day: date, booked: _Booked, paid: _Paid
) -> Findings:
    shipment, fnsku = item
    expected, counted = line.expected.total(), line.received.total()
    short = max(0, expected - counted)
    found = min(short, max(0, booked.received[item] - counted))
    lost = min(short - found, booked.lost[item])
    answered = paid.take(item, day, short - found - lost)
    open_units = short - found - lost - answered
    certain = shipment in booked.first
    missing = Missing(
        key=f"{CLAIM_TYPE}:{shipment}:{fnsku}",
        claim_type=CLAIM_TYPE,
        fnsku=fnsku,
        sku=line.sku,
        order_id="",
        reference_id=shipment,
        quantity=open_units,
        event_date=day,
        value_minor=None,
        confidence=CERTAIN if certain else LIKELY,
        confident_because="Amazon's own count of the shipment, and its receipts in the ledger"
        if certain
        else "Amazon's own count of the shipment; no receipt in the ledger tells when it came",
        explanation={
            "shipment": shipment,
            "report_lines": line.lines,
            "shipped": expected,
            "received": counted,
            "found_later": found,
            "lost_in_the_centre": lost,
            "paid": answered,
            "arithmetic": f"{expected} shipped - {counted} received - {found} found later"
            f" - {lost} lost in the centre - {answered} paid = {open_units} open",
        },
    )
    findings = Findings()
    for units, reason in ((found, "found"), (lost, "owed_as_warehouse_loss"), (answered, "paid")):
        if units:
            findings.extend(facts.settled(missing, reason, quantity=units))
    if open_units:
        findings.extend(facts.judge(missing))
    return findings
