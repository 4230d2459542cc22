"""The seller generator: books that balance, values and sums that agree between the files."""

from collections import Counter, defaultdict
from decimal import Decimal
from itertools import pairwise

import pytest
from amazon_reader import MANNERS, rows_of
from amazon_world import LEDGER, PAYMENTS, World, world

RETURNS = "GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA"
REMOVALS = "GET_FBA_FULFILLMENT_REMOVAL_ORDER_DETAIL_DATA"
STOCK = "GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA"
FEES = "GET_FBA_ESTIMATED_FBA_FEES_TXT_DATA"


@pytest.fixture(scope="module")
def amazon() -> World:
    return world()


@pytest.fixture(scope="module", params=list(MANNERS))
def seller(request, amazon):
    return amazon.seller(request.param)


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
    out = {"E", "Q"}
    damage = Counter((r["referenceid"], -int(r["quantity"])) for r in ledger if r["reason"] in out)
    into = Counter((r["referenceid"], int(r["quantity"])) for r in ledger if r["reason"] == "P")
    assert damage == into


def test_the_value_of_a_missing_return_is_price_less_fees(seller):
    fees, minor = {row["sku"]: row for row in seller.report(FEES)}, seller.manner.minor
    name = "expecteddomesticfulfilmentfeeperunit"
    name = name if seller.manner.european else "expectedfulfillmentfeeperunit"
    truth = seller.world.control.get(f"/truth/{seller.persona}").json()
    for one in truth["claimable"]:
        if one["claim_type"] != "customer_return":
            in_money = one["claim_type"] in {"fee_overcharge", "underpaid", "reversal"}
            assert (one["value_minor"] is not None) == in_money
            continue
        row = fees[one["sku"]]
        value = minor(row["yourprice"]) - minor(row["estimatedreferralfeeperunit"])
        assert value - minor(row[name]) == one["value_minor"]


def test_settlements_add_up_and_follow_each_other(seller):
    files = seller.settlements()
    assert len(files) >= 6
    for file in files:
        first, amounts = file[0], 0
        for row in file:
            for name, cell in row.items():
                if name.endswith("amount") and name != "totalamount":
                    amounts += seller.manner.minor(cell)
        assert amounts == seller.manner.minor(first["totalamount"])
        assert len(first) in {33, 36}
        ids = {row["settlementid"] for row in file}
        assert len(ids) == 1
    for earlier, later in pairwise(files):
        assert earlier[0]["settlementenddate"] == later[0]["settlementstartdate"]
        minor = seller.manner.minor
        total = minor(earlier[0]["totalamount"])
        debts = [
            minor(r["otheramount"]) for r in later if r["transactiontype"] == "Payable to Amazon"
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
    files, manner = seller.settlements(), seller.manner
    start = manner.moment(files[0][0]["settlementstartdate"])
    end = manner.moment(files[-1][0]["settlementenddate"])
    kinds = {"WAREHOUSE_LOST", "WAREHOUSE_DAMAGE", "REVERSAL_REIMBURSEMENT"}
    kinds |= {"MISSING_FROM_INBOUND", "COMPENSATED_CLAWBACK"}
    booked = sum(
        manner.minor(row["otheramount"])
        for file in files
        for row in file
        if row["transactiontype"] in kinds
    )
    paid = sum(
        manner.minor(row["amounttotal"])
        for row in seller.report(PAYMENTS)
        if start <= manner.moment(row["approvaldate"]) < end
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
