"""The truth, counted again from the report files alone, by the public rules (facts, section 6)."""

from collections import Counter
from datetime import date, timedelta

import pytest
from amazon_reader import MANNERS
from amazon_world import LEDGER, PAYMENTS, World, world

RETURNS = "GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA"
REPLACED = "GET_FBA_FULFILLMENT_CUSTOMER_SHIPMENT_REPLACEMENT_DATA"
REMOVALS = "GET_FBA_FULFILLMENT_REMOVAL_ORDER_DETAIL_DATA"
PARCELS = "GET_FBA_FULFILLMENT_REMOVAL_SHIPMENT_DETAIL_DATA"
STOCK = "GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA"
GRACE = timedelta(days=5)
PAYS = {"M": "Lost_Warehouse", "E": "Damaged_Warehouse"}
CLAIM = {"M": "warehouse_lost", "E": "warehouse_damaged"}
Found = Counter[tuple[str, str, str, int]]


@pytest.fixture(scope="module")
def amazon() -> World:
    return world()


@pytest.fixture(scope="module", params=list(MANNERS))
def seller(request, amazon):
    return amazon.seller(request.param)


def warehouse(seller, today: date, payments) -> Found:
    """Losses open in the ledger, less what was paid for that FNSKU after the event."""
    found: Found = Counter()
    left: Counter[str] = Counter()
    for row in seller.report(LEDGER, eventType="Adjustments"):
        reason, open_units = row["reason"], int(row["unreconciledquantity"])
        event = seller.manner.day(row["date"])
        if reason not in PAYS or open_units <= 0 or not event + GRACE <= today:
            continue
        if today > event + timedelta(days=60):
            continue
        paid = sum(
            int(one["quantityreimbursedtotal"])
            for one in payments
            if one["fnsku"] == row["fnsku"]
            and one["reason"] == PAYS[reason]
            and seller.manner.moment(one["approvaldate"]).date() >= event
        )
        owed = open_units - max(0, paid - left[row["fnsku"]])
        left[row["fnsku"]] += open_units
        if owed > 0:
            found[CLAIM[reason], row["fnsku"], row["referenceid"], owed] += 1
    return found


def returns(seller, today: date, payments) -> Found:
    opens, closes = (45, 105) if seller.manner.european else (60, 120)
    back = {row["orderid"] for row in seller.report(RETURNS)}
    paid = {one["amazonorderid"] for one in payments if one["reason"] == "CustomerReturn"}
    fnskus = {row["sku"]: row["fnsku"] for row in seller.report(STOCK)}
    seen = {
        (row["orderid"], row["sku"], seller.manner.moment(row["posteddate"]).date())
        for file in seller.settlements()
        for row in file
        if row["transactiontype"] == "Refund" and row["pricetype"] == "Principal"
    }
    for row in seller.report(REPLACED):
        seen.add(
            (
                row["originalamazonorderid"],
                row["sku"],
                seller.manner.moment(row["shipmentdate"]).date(),
            )
        )
    found: Found = Counter()
    for order, sku, day in seen:
        age = (today - day).days
        if opens <= age <= closes and order not in back | paid:
            found["customer_return", fnskus[sku], order, 1] += 1
    return found


def removals(seller, today: date, payments) -> Found:
    paid = {one["amazonorderid"] for one in payments if one["reason"] == "Lost_Outbound"}
    sent: Counter[str] = Counter()
    last: dict[str, date] = {}
    for row in seller.report(PARCELS):
        sent[row["orderid"]] += int(row["shippedquantity"])
        day = seller.manner.moment(row["shipmentdate"]).date()
        last[row["orderid"]] = max(last.get(row["orderid"], day), day)
    found: Found = Counter()
    for row in seller.report(REMOVALS):
        order = row["orderid"]
        expected = int(row["requestedquantity"]) - int(row["cancelledquantity"])
        missing = expected - int(row["disposedquantity"]) - sent[order]
        if missing <= 0 or order in paid:
            continue
        if 15 <= (today - last[order]).days <= 75:
            found["removal_lost", row["fnsku"], order, missing] += 1
    return found


def inbound(seller, today: date, payments) -> Found:
    paid = {
        (one["fnsku"], one["amazonorderid"]) for one in payments if one["reason"] == "Lost_Inbound"
    }
    arrived: dict[str, date] = {}
    received: Counter[tuple[str, str]] = Counter()
    for row in seller.report(LEDGER, eventType="Receipts"):
        day = seller.manner.day(row["date"])
        arrived[row["referenceid"]] = min(day, arrived.get(row["referenceid"], day))
        received[row["referenceid"], row["fnsku"]] += int(row["quantity"])
    asked = {"MarketplaceId": seller.marketplace, "QueryType": "SHIPMENT"}
    asked["ShipmentStatusList"] = "CLOSED"
    path = "/fba/inbound/v0/shipments"
    shipments = seller.call("GET", path, params=asked).json()["payload"]["ShipmentData"]
    months = 6 if seller.manner.european else 9
    found: Found = Counter()
    for shipment in shipments:
        name = shipment["ShipmentId"]
        day = arrived[name]
        over = day.year * 12 + day.month + months < today.year * 12 + today.month
        for item in seller.call("GET", f"{path}/{name}/items").json()["payload"]["ItemData"]:
            fnsku = item["FulfillmentNetworkSKU"]
            assert item["QuantityReceived"] == received[name, fnsku]
            missing = item["QuantityShipped"] - item["QuantityReceived"]
            if missing > 0 and not over and (fnsku, name) not in paid:
                found["inbound_shortage", fnsku, name, missing] += 1
    return found


def test_an_independent_recount_finds_the_truth(seller):
    today = seller.world.state.clock.now().date()
    payments = seller.report(PAYMENTS)
    counted: Found = Counter()
    for count in (warehouse, returns, removals, inbound):
        counted += count(seller, today, payments)
    truth = seller.world.control.get(f"/truth/{seller.persona}").json()
    told: Found = Counter(
        (one["claim_type"], one["fnsku"], one["order_id"] or one["reference"], one["quantity"])
        for one in truth["claimable"]
    )
    assert counted == told
    assert len(truth["claimable"]) == (0 if seller.persona == "dora" else 28)
    reasons = Counter(one["reason"] for one in truth["others"])
    assert reasons["paid_stock"] == 2
    assert set(reasons) >= {"found_later", "paid_cash", "reconciled", "returned", "reversed"}
