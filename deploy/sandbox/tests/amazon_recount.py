"""What may be claimed, counted from report files alone by the public rules (facts, section 6)."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Protocol

from amazon_money_recount import fees, reversals, underpaid
from amazon_reader import Manner

LEDGER = "GET_LEDGER_DETAIL_VIEW_DATA"
PAYMENTS = "GET_FBA_REIMBURSEMENTS_DATA"
RETURNS = "GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA"
REPLACED = "GET_FBA_FULFILLMENT_CUSTOMER_SHIPMENT_REPLACEMENT_DATA"
REMOVALS = "GET_FBA_FULFILLMENT_REMOVAL_ORDER_DETAIL_DATA"
PARCELS = "GET_FBA_FULFILLMENT_REMOVAL_SHIPMENT_DETAIL_DATA"
STOCK = "GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA"
GRACE = timedelta(days=5)
PAYS = {"M": "Lost_Warehouse", "E": "Damaged_Warehouse"}
CLAIM = {"M": "warehouse_lost", "E": "warehouse_damaged"}
AMAZONS_FAULT = {"CARRIER_DAMAGED", "WAREHOUSE_DAMAGED", "DISTRIBUTOR_DAMAGED"}
Found = Counter[tuple[str, str, str, int]]
Rows = list[dict[str, str]]


class Books(Protocol):
    """Where the rows come from."""

    @property
    def manner(self) -> Manner: ...

    def report(self, kind: str, /, **options: str) -> Rows: ...

    def settlements(self) -> list[Rows]: ...

    def costs(self) -> dict[str, int]:
        """Minor units by SKU of an account whose costs are known, else nothing."""

    def short(self) -> Iterable[tuple[str, str, int, int]]:
        """(shipment, FNSKU, units shipped, units received) of closed shipments."""


def warehouse(books: Books, today: date, payments: Rows) -> Found:
    """Losses open in the ledger, less what was paid for that FNSKU after the event."""
    found: Found = Counter()
    left: Counter[str] = Counter()
    for row in books.report(LEDGER, eventType="Adjustments"):
        reason, open_units = row["reason"], int(row["unreconciledquantity"])
        event = books.manner.day(row["date"])
        if reason not in PAYS or open_units <= 0 or not event + GRACE <= today:
            continue
        if today > event + timedelta(days=60):
            continue
        paid = sum(
            int(one["quantityreimbursedtotal"])
            for one in payments
            if one["fnsku"] == row["fnsku"]
            and one["reason"] == PAYS[reason]
            and books.manner.moment(one["approvaldate"]).date() >= event
        )
        owed = open_units - max(0, paid - left[row["fnsku"]])
        left[row["fnsku"]] += open_units
        if owed > 0:
            found[CLAIM[reason], row["fnsku"], row["referenceid"], owed] += 1
    return found


def returns(books: Books, today: date, payments: Rows) -> Found:
    opens, closes = (45, 105) if books.manner.european else (60, 120)
    taken_on = _rebooked(books)
    back = {
        (row["orderid"], row["sku"])
        for row in books.report(RETURNS)
        if row["detaileddisposition"] not in AMAZONS_FAULT
        and (row["fnsku"], row["fulfillmentcenterid"], row["detaileddisposition"]) not in taken_on
    }
    paid = {one["amazonorderid"] for one in payments if one["reason"] == "CustomerReturn"}
    fnskus = {row["sku"]: row["fnsku"] for row in books.report(STOCK)}
    seen = {
        (row["orderid"], row["sku"], books.manner.moment(row["posteddate"]).date())
        for file in books.settlements()
        for row in file
        if row["transactiontype"] == "Refund" and row["pricetype"] == "Principal"
    }
    for row in books.report(REPLACED):
        seen.add(
            (
                row["originalamazonorderid"],
                row["sku"],
                books.manner.moment(row["shipmentdate"]).date(),
            )
        )
    found: Found = Counter()
    for order, sku, day in seen:
        age = (today - day).days
        if opens <= age <= closes and order not in paid and (order, sku) not in back:
            found["customer_return", fnskus[sku], order, 1] += 1
    return found


def _rebooked(books: Books) -> set[tuple[str, str, str]]:
    """(FNSKU, centre, state) of units that Amazon moved out of it, into one of its own fault."""
    moves: dict[tuple[str, str, date], dict[str, str]] = {}
    for row in books.report(LEDGER, eventType="Adjustments"):
        if row["reason"] in {"P", "Q"}:
            where = row["fnsku"], row["fulfillmentcenter"], books.manner.day(row["date"])
            moves.setdefault(where, {})[row["reason"]] = row["disposition"]
    return {
        (fnsku, centre, states["Q"])
        for (fnsku, centre, _), states in moves.items()
        if "Q" in states and states["P"] in AMAZONS_FAULT
    }


def removals(books: Books, today: date, payments: Rows) -> Found:
    paid = {one["amazonorderid"] for one in payments if one["reason"] == "Lost_Outbound"}
    sent: Counter[str] = Counter()
    last: dict[str, date] = {}
    for row in books.report(PARCELS):
        sent[row["orderid"]] += int(row["shippedquantity"])
        day = books.manner.moment(row["shipmentdate"]).date()
        last[row["orderid"]] = max(last.get(row["orderid"], day), day)
    found: Found = Counter()
    for row in books.report(REMOVALS):
        order = row["orderid"]
        expected = int(row["requestedquantity"]) - int(row["cancelledquantity"])
        missing = expected - int(row["disposedquantity"]) - sent[order]
        if missing <= 0 or order in paid:
            continue
        if 15 <= (today - last[order]).days <= 75:
            found["removal_lost", row["fnsku"], order, missing] += 1
    return found


def inbound(books: Books, today: date, payments: Rows) -> Found:
    paid = {
        (one["fnsku"], one["amazonorderid"]) for one in payments if one["reason"] == "Lost_Inbound"
    }
    arrived: dict[str, date] = {}
    received: Counter[tuple[str, str]] = Counter()
    for row in books.report(LEDGER, eventType="Receipts"):
        day = books.manner.day(row["date"])
        arrived[row["referenceid"]] = min(day, arrived.get(row["referenceid"], day))
        received[row["referenceid"], row["fnsku"]] += int(row["quantity"])
    months = 6 if books.manner.european else 9
    found: Found = Counter()
    for name, fnsku, shipped, counted in books.short():
        day = arrived[name]
        assert counted == received[name, fnsku]
        over = day.year * 12 + day.month + months < today.year * 12 + today.month
        if shipped > counted and not over and (fnsku, name) not in paid:
            found["inbound_shortage", fnsku, name, shipped - counted] += 1
    return found


def recount(books: Books, today: date) -> Found:
    """(claim type, FNSKU, order or reference, units) -> how many such claims there are."""
    payments = books.report(PAYMENTS)
    found: Found = Counter()
    counts = (warehouse, returns, removals, inbound, fees, underpaid, reversals)
    for count in counts:
        found += count(books, today, payments)
    return found


def told(claimable: list[dict]) -> Found:
    """The same of a truth file."""
    return Counter(
        (one["claim_type"], one["fnsku"], _named(one), one["quantity"]) for one in claimable
    )


def _named(one: dict) -> str:
    """What is owed in money alone has its sum in its name."""
    if one["claim_type"] in {"fee_overcharge", "underpaid", "reversal"}:
        return f"{one['reference']}: {one['value_minor']}"
    return one["order_id"] or one["reference"]
