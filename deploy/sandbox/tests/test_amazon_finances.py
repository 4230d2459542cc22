"""Finances v0 and 2024-06-19: the same money as in the settlements, deferred sales, pages."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest
from amazon_world import SellerApi, World, world

V0, V2024 = "/finances/v0", "/finances/2024-06-19"


@pytest.fixture(scope="module")
def amazon() -> World:
    return world()


@pytest.fixture(scope="module")
def ada(amazon) -> SellerApi:
    return amazon.seller("ada")


def since(seller: SellerApi, days: float) -> str:
    return (seller.world.state.clock.now() - timedelta(days=days)).isoformat()


def cents(amount: dict) -> int:
    value = amount.get("currencyAmount", amount.get("CurrencyAmount"))
    minor = Decimal(str(value)) * 100
    assert minor == int(minor)
    return int(minor)


def transactions(seller: SellerApi, **query: str) -> list[dict]:
    """All pages of listTransactions."""
    found, asked = [], dict(query)
    while True:
        payload = seller.call("GET", f"{V2024}/transactions", params=asked).json()["payload"]
        found += payload["transactions"]
        if "nextToken" not in payload:
            return found
        asked = {**query, "nextToken": payload["nextToken"]}


def events(seller: SellerApi, path: str, **query: str) -> tuple[dict[str, list], int]:
    """All pages of a v0 list, and how many of them were empty before the last."""
    found: dict[str, list] = {}
    asked, empty = dict(query), 0
    while True:
        payload = seller.call("GET", f"{V0}/{path}", params=asked).json()["payload"]
        empty += not payload["FinancialEvents"] and "NextToken" in payload
        for name, page in payload["FinancialEvents"].items():
            found.setdefault(name, []).extend(page)
        if "NextToken" not in payload:
            return found, empty
        asked = {**query, "NextToken": payload["NextToken"]}


def ids(one: dict) -> dict[str, str]:
    return {
        named["relatedIdentifierName"]: named["relatedIdentifierValue"]
        for named in one["relatedIdentifiers"]
    }


def test_a_settlement_is_the_sum_of_its_transactions(ada):
    for file in ada.settlements()[-2:]:
        first = file[0]
        assert all(row["transactiontype"] != "Payable to Amazon" for row in file)
        query = {
            "relatedIdentifierName": "SETTLEMENT_ID",
            "relatedIdentifierValue": first["settlementid"],
        }
        summary = ada.call("GET", f"{V2024}/summary", params=query).json()["summaries"][0]
        total = Decimal(first["totalamount"]) * 100
        assert cents(summary["netProceeds"]) == total
        parts = [cents(one["breakdownAmount"]) for one in summary["breakdowns"]]
        assert sum(parts) == total
        assert {one["breakdownType"] for one in summary["breakdowns"]} >= {"Sales", "Expenses"}


def test_breakdowns_add_up_and_ids_are_unique(ada):
    found = transactions(ada, postedAfter=since(ada, 60))
    assert len(found) > 200
    for one in found:
        parts = sum(cents(part["breakdownAmount"]) for part in one["breakdowns"])
        assert parts == cents(one["totalAmount"])
    assert len({one["transactionId"] for one in found}) == len(found)
    assert {one["transactionType"] for one in found} == {
        "Shipment", "Refund", "Adjustment", "ServiceFee",
    }  # fmt: skip


def test_a_deferred_sale_appears_under_two_states_once_released():
    amazon = world()
    ben = amazon.seller("ben")
    held = transactions(ben, postedAfter=since(ben, 30), transactionStatus="DEFERRED")
    assert held
    one = held[-1]
    context = next(c for c in one["contexts"] if c["contextType"] == "DeferredContext")
    assert context["deferralReason"] == "DD7"
    order = ids(one)["ORDER_ID"]
    asked = {"relatedIdentifierName": "ORDER_ID", "relatedIdentifierValue": order}
    assert [t["transactionStatus"] for t in transactions(ben, **asked)] == ["DEFERRED"]
    path = f"orders/{order}/financialEvents"
    assert events(ben, path)[0] == {}
    amazon.state.clock.advance(8 * 86400)
    ben = amazon.seller("ben")
    old, new = transactions(ben, **asked)
    assert (old["transactionStatus"], new["transactionStatus"]) == ("DEFERRED_RELEASED", "RELEASED")
    assert old["transactionId"] == one["transactionId"]
    assert ids(old)["RELEASE_TRANSACTION_ID"] == new["transactionId"]
    assert ids(new)["DEFERRED_TRANSACTION_ID"] == old["transactionId"]
    assert new["totalAmount"] == old["totalAmount"] == one["totalAmount"]
    assert len(events(ben, path)[0]["ShipmentEventList"]) == 1


def test_balances_are_sums_and_deferred_money_is_reserved(ada):
    asked = {"marketplaceIds": ada.marketplace}
    total = ada.call("GET", f"{V2024}/balances", params=asked).json()["balances"][0]
    available, reserved = total["balances"]
    assert cents(total["amount"]) == cents(available["amount"]) + cents(reserved["amount"])
    held = transactions(ada, postedAfter=since(ada, 30), transactionStatus="DEFERRED")
    assert cents(reserved["balances"][0]["amount"]) == sum(cents(t["totalAmount"]) for t in held)
    assert "lastUpdatedTime" in total
    day = since(ada, 20)[:10]
    asked |= {"asOfDate": day, "balanceType": "AVAILABLE"}
    past = ada.call("GET", f"{V2024}/balances", params=asked).json()["balances"][0]
    assert (past["balanceType"], past["asOfDate"][:10]) == ("AVAILABLE", day)
    assert "lastUpdatedTime" not in past


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("transactions", {}),
        ("transactions", {"postedAfter": "2100-01-01"}),
        ("transactions", {"postedAfter": "2024-01-01", "transactionStatus": "LOST"}),
        ("transactions", {"relatedIdentifierName": "INVOICE_ID", "relatedIdentifierValue": "1"}),
        ("transactions", {"postedAfter": "2026-01-01", "nextToken": "0.1234"}),
        ("balances", {"marketplaceIds": "other"}),
        ("balances", {"balanceType": "SECRET"}),
        ("summary", {}),
        ("summary", {"relatedIdentifierName": "SETTLEMENT_ID", "relatedIdentifierValue": "1"}),
    ],
)
def test_what_cannot_be_asked(ada, path, query):
    answer = ada.call("GET", f"{V2024}/{path}", params=query)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "InvalidInput"


def test_a_range_over_180_days_holds_nothing(ada):
    assert transactions(ada, postedAfter=since(ada, 182)) == []
    assert transactions(ada, postedAfter=since(ada, 179)) != []
    assert events(ada, "financialEvents", PostedAfter=since(ada, 182))[0] == {}


def test_v0_has_empty_pages_and_tokens_that_belong_to_their_question(ada):
    asked = {"PostedAfter": since(ada, 100), "MaxResultsPerPage": "50"}
    found, empty = events(ada, "financialEvents", **asked)
    assert empty >= 3
    whole, _ = events(ada, "financialEvents", PostedAfter=asked["PostedAfter"])
    assert {k: len(v) for k, v in found.items()} == {k: len(v) for k, v in whole.items()}
    first = ada.call("GET", f"{V0}/financialEvents", params=asked).json()["payload"]
    other = {**asked, "MaxResultsPerPage": "51", "NextToken": first["NextToken"]}
    assert ada.call("GET", f"{V0}/financialEvents", params=other).status_code == 400
    now = ada.world.state.clock.now().isoformat()
    assert ada.call("GET", f"{V0}/financialEvents", params={"PostedAfter": now}).status_code == 400


def test_a_group_holds_the_events_of_its_settlement(ada):
    listed = ada.call("GET", f"{V0}/financialEventGroups").json()["payload"]
    groups = listed["FinancialEventGroupList"]
    assert (groups[0]["ProcessingStatus"], groups[1]["ProcessingStatus"]) == ("Open", "Closed")
    assert "FinancialEventGroupEnd" not in groups[0]
    last = ada.settlements()[-1]
    closed = groups[1]
    assert cents(closed["OriginalTotal"]) == Decimal(last[0]["totalamount"]) * 100
    group_id = closed["FinancialEventGroupId"]
    inside, _ = events(ada, f"financialEventGroups/{group_id}/financialEvents")
    refunds = Counter(one["AmazonOrderId"] for one in inside.get("RefundEventList", []))
    assert refunds == Counter(
        row["orderid"]
        for row in last
        if (row["transactiontype"], row["pricetype"]) == ("Refund", "Principal")
    )
    missing = ada.call("GET", f"{V0}/financialEventGroups/none/financialEvents")
    assert missing.status_code == 400
