"""What may be claimed in money alone: fees too high, payments too low, payments taken back."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amazon_recount import Books, Found, Rows

PREVIEW = "GET_FBA_ESTIMATED_FBA_FEES_TXT_DATA"
STORAGE = "GET_FBA_STORAGE_FEE_CHARGES_DATA"
LEDGER = "GET_LEDGER_DETAIL_VIEW_DATA"
RETURNS = "GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA"
AT_COST = {"Lost_Warehouse", "Damaged_Warehouse", "Lost_Outbound", "Lost_Inbound"}


def _fee(books: Books, row: dict[str, str]) -> int:
    name = "expecteddomesticfulfilmentfeeperunit"
    name = name if name in row else "expectedfulfillmentfeeperunit"
    return books.manner.minor(row[name])


def _sides(books: Books, row: dict[str, str]) -> tuple[str, ...]:
    return tuple(row[f"{side}side"].replace(",", ".") for side in ("longest", "median", "shortest"))


def _stored(books: Books) -> dict[str, dict[str, tuple[str, ...]]]:
    """Sides by FNSKU and month, as the storage fees have them."""
    stored: defaultdict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    for row in books.report(STORAGE):
        stored[row["fnsku"]][row["monthofcharge"]] = _sides(books, row)
    return stored


def _true_fees(books: Books) -> dict[str, int]:
    """By SKU the previewed fee, or that of the size it was always stored in where that is another."""
    preview, stored = list(books.report(PREVIEW)), _stored(books)
    by_sides = {_sides(books, row): _fee(books, row) for row in preview}
    true = {}
    for row in preview:
        sizes = set(stored[row["fnsku"]].values()) or {_sides(books, row)}
        wrong = _sides(books, row) not in sizes
        true[row["sku"]] = by_sides[min(sizes)] if wrong else _fee(books, row)
    return true


def fees(books: Books, today: date, payments: Rows) -> Found:
    """Fulfilment fees above those of the true size, where Amazon never held or wrongly held others."""
    rate = 100 + books.manner.fee_tax_percent
    preview = {row["sku"]: row for row in books.report(PREVIEW)}
    stored, true_fees = _stored(books), _true_fees(books)
    found: Found = Counter()
    for file in books.settlements():
        units = {
            (row["orderid"], row["sku"]): int(row["quantitypurchased"])
            for row in file
            if row["transactiontype"] == "Order" and row["quantitypurchased"]
        }
        above: Counter[str] = Counter()
        count: Counter[str] = Counter()
        first: dict[str, date] = {}
        for row in file:
            if row["itemrelatedfeetype"] != "FBAPerUnitFulfillmentFee":
                continue
            sku, sold = row["sku"], units[row["orderid"], row["sku"]]
            true = (true_fees[sku] * sold * rate * 2 + 100) // 200
            more = -books.manner.minor(row["itemrelatedfeeamount"]) - true
            if more <= 0:
                continue
            day = books.manner.moment(row["posteddate"]).date()
            months = stored[preview[sku]["fnsku"]]
            today_sides = _sides(books, preview[sku])
            is_previewed_right = today_sides in months.values()
            if is_previewed_right and today_sides not in {
                months[min(months)],
                months[f"{day:%Y-%m}"],
            }:
                continue
            above[sku] += more
            count[sku] += sold
            first[sku] = min(day, first.get(sku, day))
        for sku, more in above.items():
            if today <= first[sku] + timedelta(days=90):
                name = f"{file[0]['settlementid']}: {more}"
                found["fee_overcharge", preview[sku]["fnsku"], name, count[sku]] += 1
    return found


def underpaid(books: Books, today: date, payments: Rows) -> Found:
    """Payments below the sale less fees, or below the cost of an account whose costs are known."""
    manner, costs = books.manner, books.costs()
    preview = {row["sku"]: row for row in books.report(PREVIEW)}
    true_fees = _true_fees(books)
    paid: Counter[str] = Counter()
    for row in payments:
        paid[row["amazonorderid"]] += manner.minor(row["amounttotal"])
    taken_back = {
        row["originalreimbursementid"]
        for row in payments
        if row["amounttotal"].startswith("-") and row["originalreimbursementid"]
    }
    found: Found = Counter()
    for row in payments:
        fresh = today <= manner.moment(row["approvaldate"]).date() + timedelta(days=60)
        units = int(row["quantityreimbursedcash"])
        if not fresh or units <= 0 or row["reimbursementid"] in taken_back:
            continue
        due = 0
        if row["reason"] == "CustomerReturn":
            offer = preview[row["sku"]]
            due = manner.minor(offer["yourprice"]) - true_fees[row["sku"]]
            due -= manner.minor(offer["estimatedreferralfeeperunit"]) + paid[row["amazonorderid"]]
        elif row["reason"] in AT_COST:
            due = (costs.get(row["sku"], 0) - manner.minor(row["amountperunit"])) * units
        if due > 0:
            found["underpaid", row["fnsku"], f"{row['reimbursementid']}: {due}", units] += 1
    return found


def reversals(books: Books, today: date, payments: Rows) -> Found:
    """Payments taken back though the unit was neither found nor returned."""
    moment = books.manner.moment
    back = {row["orderid"] for row in books.report(RETURNS)}
    found_on: defaultdict[str, list[date]] = defaultdict(list)
    for row in books.report(LEDGER, eventType="Adjustments"):
        if row["reason"] == "F":
            found_on[row["fnsku"]].append(books.manner.day(row["date"]))
    approved = {row["reimbursementid"]: moment(row["approvaldate"]).date() for row in payments}
    found: Found = Counter()
    for row in payments:
        original = row["originalreimbursementid"]
        if not original or not row["amounttotal"].startswith("-"):
            continue
        day = moment(row["approvaldate"]).date()
        came = any(approved[original] <= one <= day for one in found_on[row["fnsku"]])
        if row["amazonorderid"] in back if row["amazonorderid"] else came:
            continue
        if 5 <= (today - day).days <= 60:
            name = f"{row['reimbursementid']}: {-books.manner.minor(row['amounttotal'])}"
            found["reversal", row["fnsku"], name, -int(row["quantityreimbursedcash"])] += 1
    return found
