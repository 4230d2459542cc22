"""The seller generator: books that balance, truth that an independent reader finds again."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from amazon_world import LEDGER, PAYMENTS, World, rows_of, world

RETURNS = "GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA"
REPLACED = "GET_FBA_FULFILLMENT_CUSTOMER_SHIPMENT_REPLACEMENT_DATA"
REMOVALS = "GET_FBA_FULFILLMENT_REMOVAL_ORDER_DETAIL_DATA"
PARCELS = "GET_FBA_FULFILLMENT_REMOVAL_SHIPMENT_DETAIL_DATA"
STOCK = "GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA"
FEES = "GET_FBA_ESTIMATED_FBA_FEES_TXT_DATA"
GRACE = timedelta(days=5)
PAYS = {"M": "Lost_Warehouse", "E": "Damaged_Warehouse"}
CLAIM = {"M": "warehouse_lost", "E": "warehouse_damaged"}
Found = Counter[tuple[str, str, str, int]]


@pytest.fixture(scope="module")
def amazon() -> World:
    return world()


@pytest.fixture(scope="module", params=["ada", "ben", "cleo", "dora"])
def seller(request, amazon):
    return amazon.seller(request.param)


def day_of(text: str, seller) -> date:
    form = "%d/%m/%Y" if seller.persona == "cleo" else "%m/%d/%Y"
    return datetime.strptime(text, form).replace(tzinfo=UTC).date()


def test_units_balance_per_fnsku(seller):
    ledger = seller.report(LEDGER)
    by_type: defaultdict[str, Counter[str]] = defaultdict(Counter)
    running: Counter[tuple[str, str]] = Counter()
    for row in ledger:
        units = int(row["quantity"])
        by_type[row["eventtype"]][row["fnsku"]] += units
        if row["eventtype"] != "WhseTransfers":
            state = row["fnsku"], row["disposition"]
            running[state] += units
            assert running[state] >= 0, (row, running[state])
    assert not any(by_type["WhseTransfers"].values())
    for row in seller.report(STOCK):
        fnsku = row["fnsku"]
        moved = {kind: units[fnsku] for kind, units in by_type.items()}
        assert sum(moved.values()) == int(row["afnwarehousequantity"])
        assert running[fnsku, "SELLABLE"] == int(row["afnfulfillablequantity"])
        assert moved["Receipts"] > 0 > moved["Shipments"]


def test_every_damage_moves_its_units(seller):
    ledger = seller.report(LEDGER, eventType="Adjustments")
    damage = Counter((r["referenceid"], -int(r["quantity"])) for r in ledger if r["reason"] == "E")
    into = Counter((r["referenceid"], int(r["quantity"])) for r in ledger if r["reason"] == "P")
    assert damage == into


def warehouse(seller, today: date, payments) -> Found:
    """Losses open in the ledger, less what was paid for that FNSKU after the event."""
    found: Found = Counter()
    left: Counter[str] = Counter()
    for row in seller.report(LEDGER, eventType="Adjustments"):
        reason, open_units = row["reason"], int(row["unreconciledquantity"])
        event = day_of(row["date"], seller)
        if reason not in PAYS or open_units <= 0 or not event + GRACE <= today:
            continue
        if today > event + timedelta(days=60):
            continue
        paid = sum(
            int(one["quantityreimbursedtotal"])
            for one in payments
            if one["fnsku"] == row["fnsku"]
            and one["reason"] == PAYS[reason]
            and one["approvaldate"][:10] >= event.isoformat()
        )
        owed = open_units - max(0, paid - left[row["fnsku"]])
        left[row["fnsku"]] += open_units
        if owed > 0:
            found[CLAIM[reason], row["fnsku"], row["referenceid"], owed] += 1
    return found


def returns(seller, today: date, payments) -> Found:
    opens, closes = (45, 105) if seller.persona == "cleo" else (60, 120)
    back = {row["orderid"] for row in seller.report(RETURNS)}
    paid = {one["amazonorderid"] for one in payments if one["reason"] == "CustomerReturn"}
    fnskus = {row["sku"]: row["fnsku"] for row in seller.report(STOCK)}
    seen = {
        (row["orderid"], row["sku"], row["posteddate"][:10])
        for file in seller.settlements()
        for row in file
        if row["transactiontype"] == "Refund" and row["pricetype"] == "Principal"
    }
    for row in seller.report(REPLACED):
        seen.add((row["originalamazonorderid"], row["sku"], row["shipmentdate"][:10]))
    found: Found = Counter()
    for order, sku, day in seen:
        age = (today - date.fromisoformat(day)).days
        if opens <= age <= closes and order not in back | paid:
            found["customer_return", fnskus[sku], order, 1] += 1
    return found


def removals(seller, today: date, payments) -> Found:
    paid = {one["amazonorderid"] for one in payments if one["reason"] == "Lost_Outbound"}
    sent: Counter[str] = Counter()
    last: dict[str, str] = {}
    for row in seller.report(PARCELS):
        sent[row["orderid"]] += int(row["shippedquantity"])
        last[row["orderid"]] = max(last.get(row["orderid"], ""), row["shipmentdate"][:10])
    found: Found = Counter()
    for row in seller.report(REMOVALS):
        order = row["orderid"]
        expected = int(row["requestedquantity"]) - int(row["cancelledquantity"])
        missing = expected - int(row["disposedquantity"]) - sent[order]
        if missing <= 0 or order in paid:
            continue
        if 15 <= (today - date.fromisoformat(last[order])).days <= 75:
            found["removal_lost", row["fnsku"], order, missing] += 1
    return found


def inbound(seller, today: date, payments) -> Found:
    paid = {
        (one["fnsku"], one["amazonorderid"]) for one in payments if one["reason"] == "Lost_Inbound"
    }
    arrived: dict[str, date] = {}
    received: Counter[tuple[str, str]] = Counter()
    for row in seller.report(LEDGER, eventType="Receipts"):
        day = day_of(row["date"], seller)
        arrived[row["referenceid"]] = min(day, arrived.get(row["referenceid"], day))
        received[row["referenceid"], row["fnsku"]] += int(row["quantity"])
    asked = {"MarketplaceId": seller.marketplace, "QueryType": "SHIPMENT"}
    asked["ShipmentStatusList"] = "CLOSED"
    path = "/fba/inbound/v0/shipments"
    shipments = seller.call("GET", path, params=asked).json()["payload"]["ShipmentData"]
    months = 6 if seller.persona == "cleo" else 9
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


def test_the_value_of_a_missing_return_is_price_less_fees(seller):
    fees = {row["sku"]: row for row in seller.report(FEES)}
    name = "expecteddomesticfulfilmentfeeperunit"
    name = name if seller.persona == "cleo" else "expectedfulfillmentfeeperunit"
    truth = seller.world.control.get(f"/truth/{seller.persona}").json()
    for one in truth["claimable"]:
        if one["claim_type"] != "customer_return":
            assert one["value_minor"] is None
            continue
        row = fees[one["sku"]]
        value = Decimal(row["yourprice"]) - Decimal(row["estimatedreferralfeeperunit"])
        assert value - Decimal(row[name]) == Decimal(one["value_minor"]) / 100


def test_settlements_add_up_and_follow_each_other(seller):
    files = seller.settlements()
    assert len(files) >= 6
    for file in files:
        first, amounts = file[0], Decimal(0)
        for row in file:
            for name, cell in row.items():
                if name.endswith("amount") and name != "totalamount" and cell:
                    amounts += Decimal(cell.strip())
        assert amounts == Decimal(first["totalamount"])
        assert len(first) in {33, 36}
        ids = {row["settlementid"] for row in file}
        assert len(ids) == 1
    for earlier, later in pairwise(files):
        assert earlier[0]["settlementenddate"] == later[0]["settlementstartdate"]
        total = Decimal(earlier[0]["totalamount"])
        debts = [
            Decimal(r["otheramount"]) for r in later if r["transactiontype"] == "Payable to Amazon"
        ]
        assert debts == ([total] if total < 0 else [])


def test_a_debt_comes_back_in_the_next_settlement():
    amazon = world()
    amazon.state.clock.advance(45 * 86400)
    files = amazon.seller("dora").settlements()
    # Nothing is sold after the first day: the last but one period holds only a fee.
    total = files[-2][0]["totalamount"]
    assert Decimal(total) < 0
    last = {row["transactiontype"]: row["otheramount"] for row in files[-1][-2:]}
    assert last == {"Payable to Amazon": total, "Successful charge": f"{total[1:]}    "}


def test_reimbursements_reach_the_settlements(seller):
    files = seller.settlements()
    start, end = files[0][0]["settlementstartdate"], files[-1][0]["settlementenddate"]
    kinds = {"WAREHOUSE_LOST", "WAREHOUSE_DAMAGE", "REVERSAL_REIMBURSEMENT"}
    kinds |= {"MISSING_FROM_INBOUND", "COMPENSATED_CLAWBACK"}
    booked = sum(
        Decimal(row["otheramount"])
        for file in files
        for row in file
        if row["transactiontype"] in kinds
    )
    paid = sum(
        Decimal(row["amounttotal"])
        for row in seller.report(PAYMENTS)
        if start <= row["approvaldate"] < end
    )
    assert booked == paid > 0


def test_the_same_seed_and_day_give_the_same_bytes():
    def bytes_of(seed: str) -> list[bytes]:
        seller = world(SANDBOX_SEED=seed).seller("ada")
        documents = []
        for kind in (LEDGER, RETURNS, REMOVALS):
            report_id = seller.create(kind).json()["reportId"]
            seller.world.state.clock.advance(1.1)
            documents.append(seller.document(seller.status(report_id)["reportDocumentId"])[0])
        return documents

    assert bytes_of("one") == bytes_of("one")
    assert bytes_of("one") != bytes_of("two")


def test_the_uk_dialect(amazon):
    cleo = amazon.seller("cleo")
    report_id = cleo.create(LEDGER).json()["reportId"]
    amazon.state.clock.advance(1.1)
    content, charset = cleo.document(cleo.status(report_id)["reportDocumentId"])
    assert charset == "Cp1252"
    header = content.split(b"\r\n")[0].decode()
    assert header.startswith('"Date"\t"FNSKU"\t"ASIN"\t"MSKU"\t"Title"\t"EventType"\t"ReferenceID"')
    assert "Café".encode("cp1252") in content
    rows = rows_of(content, charset)
    assert len(rows[0]) == 14
    assert any('"' in row["title"] for row in rows)
    assert max(int(row["date"][:2]) for row in rows) > 12


def test_equal_rows_are_real(amazon):
    rows = amazon.seller("ada").report(LEDGER, eventType="Adjustments")
    twins = Counter(tuple(row.values()) for row in rows if row["reason"] == "M")
    assert [count for count in twins.values() if count > 1] == [2]
    assert sum(twins.values()) > 15
