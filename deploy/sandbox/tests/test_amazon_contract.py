"""Every operation once, against Amazon's models and the official examples."""

import json
from datetime import timedelta

import httpx
import pytest
from amazon_contract import CONTRACT, AmazonContract, key_paths, shared
from amazon_world import LEDGER, SELLER, SellerApi, world

from opside_sandbox.amazon.spapi.gate import PLANS as SERVED

EXAMPLES = shared("contracts", "amazon", "static-sandbox-examples.json")
PLANS = shared("contracts", "amazon", "reference", "usage-plans.json")
ARN = "arn:aws:sqs:us-east-2:444455556666:queue1"
FINISHED = "REPORT_PROCESSING_FINISHED"

NOT_SERVED = {
    "createInventoryItem", "deleteInventoryItem", "addInventory",
    "getPrepInstructions", "getLabels", "getBillOfLading",
    "createReportSchedule", "getReportSchedules", "getReportSchedule", "cancelReportSchedule",
}  # fmt: skip
"""Known gaps, with their reasons in the README."""
_LISTS = (
    "ShipmentSettleEventList", "GuaranteeClaimEventList", "ChargebackEventList",
    "PayWithAmazonEventList", "ServiceProviderCreditEventList", "RetrochargeEventList",
    "RentalTransactionEventList", "ProductAdsPaymentEventList", "SellerDealPaymentEventList",
    "DebtRecoveryEventList", "LoanServicingEventList", "SAFETReimbursementEventList",
    "SellerReviewEnrollmentPaymentEventList", "FBALiquidationEventList",
    "CouponPaymentEventList", "ImagingServicesFeeEventList", "TaxWithholdingEventList",
    "NetworkComminglingTransactionEventList", "AffordabilityExpenseEventList",
    "AffordabilityExpenseReversalEventList", "RemovalShipmentEventList",
    "TrialShipmentEventList", "TDSReimbursementEventList", "AdhocDisbursementEventList",
    "RemovalShipmentAdjustmentEventList", "ChargeRefundEventList",
    "FailedAdhocDisbursementEventList", "ValueAddedServiceChargeEventList",
    "CapacityReservationBillingEventList", "EBTRefundReimbursementOnlyEventList",
)  # fmt: skip
"""Events that do not happen to the stand-in's sellers."""
_PRE_ORDERS = {"payload.ItemData[].ReleaseDate"}
_ONE_PAGE = {"payload.NextToken", "nextToken"}
GAPS = {
    "getShipmentItems": _PRE_ORDERS,
    "getShipmentItemsByShipmentId": _PRE_ORDERS | _ONE_PAGE,
    "getShipments": _ONE_PAGE,
    "listBalances": _ONE_PAGE,
    "listSummary": _ONE_PAGE,
    "listFinancialEventsByOrderId": _ONE_PAGE,
}
"""Operation -> keys that it never sends: answers of one page, and no product is a pre-order."""


class Everything:
    """One call of each operation that the stand-in serves."""

    def __init__(self) -> None:
        self.amazon = world()
        self.ada = self.amazon.seller("ada")
        scope = "sellingpartnerapi::notifications"
        form = {"grant_type": "client_credentials", "scope": scope, **SELLER}
        self.app = SellerApi(
            self.amazon, "nobody", self.amazon.token(**form).json()["access_token"]
        )

    def run(self) -> None:
        for act in (self.reports, self.stock, self.money, self.inbound, self.notifications):
            act()
        path = "/tokens/2021-03-01/restrictedDataToken"
        resource = {"method": "GET", "path": "/orders/v0/orders/943-12-123434/address"}
        self.ada.call("POST", path, json={"restrictedResources": [resource]})
        for name in ("marketplaceParticipations", "account"):
            self.ada.call("GET", f"/sellers/v1/{name}")

    def reports(self) -> None:
        first, second = (self.ada.create(LEDGER).json()["reportId"] for _ in range(2))
        base = "/reports/2021-06-30"
        self.ada.call("DELETE", f"{base}/reports/{second}")
        self.amazon.state.clock.advance(2)
        self.ada.document(self.ada.status(first)["reportDocumentId"])
        for size in ("1", "10"):
            query = {"reportTypes": LEDGER, "pageSize": size}
            self.ada.call("GET", f"{base}/reports", params=query)

    def stock(self) -> None:
        place = self.ada.marketplace
        query = {"granularityType": "Marketplace", "granularityId": place}
        query |= {"marketplaceIds": place, "details": "true"}
        self.ada.call("GET", "/fba/inventory/v1/summaries", params=query)

    def money(self) -> None:
        since = (self.amazon.state.clock.now() - timedelta(days=150)).isoformat()
        old = "/finances/v0"
        found = self.ada.call(
            "GET", f"{old}/financialEvents", params={"PostedAfter": since}
        ).json()["payload"]
        order = found["FinancialEvents"]["ShipmentEventList"][0]["AmazonOrderId"]
        self.ada.call("GET", f"{old}/orders/{order}/financialEvents")
        query = {"MaxResultsPerPage": "3"}
        groups = self.ada.call("GET", f"{old}/financialEventGroups", params=query).json()
        group = groups["payload"]["FinancialEventGroupList"][1]["FinancialEventGroupId"]
        self.ada.call("GET", f"{old}/financialEventGroups/{group}/financialEvents", params=query)
        new = "/finances/2024-06-19"
        self.ada.call("GET", f"{new}/transactions", params={"postedAfter": since})
        self.ada.call("GET", f"{new}/balances", params={"asOfDate": since[:10]})
        self.ada.call("GET", f"{new}/balances")
        days = {"periodStart": since[:10], "periodEnd": since[:10]}
        self.ada.call("GET", f"{new}/summary", params=days)

    def inbound(self) -> None:
        path, place = "/fba/inbound/v0", self.ada.marketplace
        query = {"MarketplaceId": place, "QueryType": "SHIPMENT", "ShipmentStatusList": "CLOSED"}
        found = self.ada.call("GET", f"{path}/shipments", params=query).json()["payload"]
        shipment = found["ShipmentData"][0]["ShipmentId"]
        self.ada.call("GET", f"{path}/shipments/{shipment}/items")
        query = {"MarketplaceId": place, "QueryType": "DATE_RANGE"}
        query |= {"LastUpdatedAfter": "2020-01-01T00:00:00Z"}
        query |= {"LastUpdatedBefore": "2100-01-01T00:00:00Z"}
        self.ada.call("GET", f"{path}/shipmentItems", params=query)

    def notifications(self) -> None:
        base = "/notifications/v1"
        body = {"name": "q", "resourceSpecification": {"sqs": {"arn": ARN}}}
        made = self.app.call("POST", f"{base}/destinations", json=body).json()["payload"]
        place = made["destinationId"]
        self.app.call("GET", f"{base}/destinations")
        self.app.call("GET", f"{base}/destinations/{place}")
        kind = f"{base}/subscriptions/{FINISHED}"
        body = {"payloadVersion": "2020-09-04", "destinationId": place}
        subscription = self.ada.call("POST", kind, json=body).json()["payload"]["subscriptionId"]
        self.ada.call("GET", kind)
        self.ada.call("GET", f"{base}/subscriptions", params={"notificationTypes": FINISHED})
        self.app.call("POST", f"{kind}/testNotification", json={"destinationId": place})
        self.app.call("GET", f"{kind}/{subscription}")
        self.app.call("DELETE", f"{kind}/{subscription}")
        self.app.call("DELETE", f"{base}/destinations/{place}")


@pytest.fixture(scope="module")
def everything() -> None:
    if not CONTRACT.present:
        pytest.skip("../shared/contracts/amazon is absent")
    Everything().run()


def known_gap(operation: str, path: str) -> bool:
    if operation == "listFinancialEventsByOrderId" and "ServiceFeeEventList" in path:
        return True  # The one service fee, the subscription, belongs to no order.
    if "ServiceFeeEventList[]" in path:
        return path.rpartition(".")[2] in {
            "AmazonOrderId",
            "SellerSKU",
            "FnSKU",
            "ASIN",
            "FeeDescription",
        }
    return path in GAPS.get(operation, set()) or any(name in path for name in _LISTS)


def test_every_operation_of_the_models_is_served_or_a_known_gap(everything):
    described = {one.spec["operationId"] for one in CONTRACT.routes}
    assert described - set(CONTRACT.operations) == NOT_SERVED


def test_every_key_of_the_official_examples_is_sent(everything):
    missing: dict[str, set[str]] = {}
    for one in json.loads(EXAMPLES.read_text()):
        name = one["operationId"]
        if one["status"] >= 300 or name not in CONTRACT.operations:
            continue
        paths = {path for path in key_paths(one["response"]) if not known_gap(name, path)}
        if lacking := paths - CONTRACT.keys[name]:
            missing.setdefault(name, set()).update(lacking)
    assert missing == {}


def test_the_usage_plans_are_amazons():
    if PLANS is None:
        pytest.skip("../shared/contracts/amazon is absent")
    amazon = world(SANDBOX_AMAZON_RATE_FACTOR="1")
    ada = amazon.seller("ada")
    known = {one["operationId"]: one for one in json.loads(PLANS.read_text())["operations"]}
    answer = ada.call("GET", "/sellers/v1/account")
    assert float(answer.headers["x-amzn-ratelimit-limit"]) == 0.016
    assert {
        name: (known[name]["rate_per_second"], known[name]["burst"]) for name in SERVED
    } == SERVED


def test_the_checker_bites():
    """Unknown fields, missing fields, wrong types and unknown queries are seen."""
    checker = AmazonContract()
    if not checker.present:
        pytest.skip("../shared/contracts/amazon is absent")

    def answer(body: dict, query: str = "") -> httpx.Response:
        url = f"http://amazon/reports/2021-06-30/reports/1{query}"
        return httpx.Response(200, json=body, request=httpx.Request("GET", url))

    good = {
        "reportType": "T", "reportId": "1", "processingStatus": "DONE",
        "createdTime": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    checker.exchange("GET", answer(good))
    for bad, query in (
        ({**good, "invented": 1}, ""),
        ({k: v for k, v in good.items() if k != "reportId"}, ""),
        ({**good, "processingStatus": "SOON"}, ""),
        (good, "?invented=1"),
    ):
        with pytest.raises(AssertionError):
            checker.exchange("GET", answer(bad, query))
    assert len(checker.failures) == 4
