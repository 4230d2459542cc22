"""The life of a report, usage plans, and the recorded shapes."""

import json
import time
from collections import Counter
from datetime import timedelta

import pytest
from amazon_contract import shared
from amazon_world import LEDGER, PAYMENTS, SETTLEMENT, World, world

RECORDED = shared("data", "amazon", "recorded_http.json")
BASE = "/reports/2021-06-30"


@pytest.fixture(scope="module")
def amazon() -> World:
    return world()


@pytest.fixture
def ada(amazon):
    return amazon.seller("ada")


def same_shape(name: str, answer, *, besides: frozenset[str] = frozenset()) -> None:
    """Status, header names and body keys of a recorded exchange."""
    if RECORDED is None:
        pytest.skip("../shared/data/amazon is absent")
    exchanges = json.loads(RECORDED.read_text())["exchanges"]
    recorded = next(one for one in exchanges if one["name"] == name)["response"]
    assert answer.status_code == recorded["status"]
    ignored = {"date", "x-amz-date", "pragma", "content-length"} | besides
    assert set(answer.headers) - ignored == set(recorded["headers"]) - ignored
    assert set(answer.json()) == set(recorded["body"])
    if "errors" in recorded["body"]:
        mine, theirs = answer.json()["errors"][0], recorded["body"]["errors"][0]
        assert set(mine) == set(theirs)
        assert (mine["code"], mine["message"]) == (theirs["code"], theirs["message"])


def test_a_report_waits_works_and_is_done(amazon, ada):
    created = ada.create(LEDGER)
    same_shape("reports_create_202", created)
    report_id = created.json()["reportId"]
    assert ada.status(report_id)["processingStatus"] == "IN_QUEUE"
    amazon.state.clock.advance(0.6)
    working = ada.status(report_id)
    assert working["processingStatus"] == "IN_PROGRESS"
    assert "reportDocumentId" not in working
    amazon.state.clock.advance(0.6)
    done = ada.call("GET", f"{BASE}/reports/{report_id}")
    same_shape("reports_get_200_done", done)
    shown = ada.call("GET", f"{BASE}/documents/{done.json()['reportDocumentId']}")
    assert shown.json()["compressionAlgorithm"] == "GZIP"
    first = ada.document(done.json()["reportDocumentId"])
    assert first == ada.document(done.json()["reportDocumentId"])


def test_time_passes_only_where_a_test_says_so(amazon, ada):
    """Else a slow machine finds the report done that the test above wants to see at work."""
    report_id = ada.create(LEDGER).json()["reportId"]
    before = amazon.state.clock.now()
    time.sleep(1.1)
    assert ada.status(report_id)["processingStatus"] == "IN_QUEUE"
    assert amazon.state.clock.now() == before


def test_the_document_link_dies_and_takes_no_sp_api_header(amazon, ada):
    report_id = ada.create(PAYMENTS).json()["reportId"]
    amazon.state.clock.advance(1.1)
    document_id = ada.status(report_id)["reportDocumentId"]
    shown = ada.call("GET", f"{BASE}/documents/{document_id}")
    same_shape("reports_document_200", shown)
    url = shown.json()["url"]
    assert amazon.http.get(url, headers={"x-amz-access-token": "t"}).status_code == 403
    assert amazon.http.get(url.replace("Signature=", "Signature=0")).status_code == 403
    assert amazon.http.get(url).status_code == 200
    amazon.state.clock.advance(301)
    expired = amazon.http.get(url)
    assert (expired.status_code, "Request has expired" in expired.text) == (403, True)


def test_no_data_is_cancelled_and_the_period_is_kept(ada):
    assert ada.report("GET_FBA_FULFILLMENT_CUSTOMER_SHIPMENT_REPLACEMENT_DATA", days=20) == []
    recent = ada.report(LEDGER, days=30, eventType="Adjustments")
    assert {row["eventtype"] for row in recent} == {"Adjustments"}
    now = ada.world.state.clock.now()
    oldest = min(row["dateandtime"] for row in recent)
    assert oldest >= (now - timedelta(days=30)).isoformat()


def test_fatal_on_demand_has_a_document_that_says_why(amazon, ada):
    asked = {"persona": "ada", "reportType": LEDGER}
    amazon.control.post("/reports/fatal", json=asked)
    report_id = ada.create(LEDGER).json()["reportId"]
    amazon.state.clock.advance(1.1)
    failed = ada.status(report_id)
    assert failed["processingStatus"] == "FATAL"
    assert b"failed" in ada.document(failed["reportDocumentId"])[0]
    assert len(ada.report(LEDGER)) > 2500


def test_cancel_only_in_the_queue(amazon, ada):
    report_id = ada.create(LEDGER).json()["reportId"]
    assert ada.call("DELETE", f"{BASE}/reports/{report_id}").status_code == 200
    assert ada.status(report_id)["processingStatus"] == "CANCELLED"
    late = ada.create(LEDGER).json()["reportId"]
    amazon.state.clock.advance(2)
    assert ada.call("DELETE", f"{BASE}/reports/{late}").status_code == 400


@pytest.mark.parametrize(
    "change",
    [
        {"reportType": SETTLEMENT},
        {"reportType": "GET_NOTHING"},
        {"marketplaceIds": ["A1F83G8C2ARO7P"]},
        {"marketplaceIds": []},
        {"dataEndTime": None},
        {"reportOptions": {"eventType": ""}},
        {"dataStartTime": "yesterday"},
    ],
)
def test_what_cannot_be_asked(ada, change):
    now = ada.world.state.clock.now().isoformat()
    body = {
        "reportType": LEDGER,
        "marketplaceIds": [ada.marketplace],
        "dataStartTime": now,
        "dataEndTime": now,
        **change,
    }
    answer = ada.call("POST", f"{BASE}/reports", json=body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "InvalidInput"


def test_get_reports_pages_by_a_token_alone(ada):
    query = {"reportTypes": SETTLEMENT, "pageSize": "4"}
    first = ada.call("GET", f"{BASE}/reports", params=query)
    seen = [one["reportId"] for one in first.json()["reports"]]
    assert len(seen) == 4
    token = first.json()["nextToken"]
    both = {"nextToken": token, "pageSize": "4"}
    assert ada.call("GET", f"{BASE}/reports", params=both).status_code == 400
    rest = ada.call("GET", f"{BASE}/reports", params={"nextToken": token}).json()
    same_shape(
        "reports_list_200", ada.call("GET", f"{BASE}/reports", params={**query, "pageSize": "10"})
    )
    seen += [one["reportId"] for one in rest["reports"]]
    assert len(set(seen)) == len(seen) >= 6
    assert ada.call("GET", f"{BASE}/reports", params={"pageSize": "4"}).status_code == 400


def test_another_seller_sees_nothing_of_it(amazon, ada):
    report_id = ada.create(LEDGER).json()["reportId"]
    ben = amazon.seller("ben")
    answer = ben.call("GET", f"{BASE}/reports/{report_id}")
    same_shape("reports_get_404", answer)


@pytest.mark.parametrize("token", ["", "Atza|made-up"])
def test_403_has_no_content_type(amazon, token):
    headers = {"x-amz-access-token": token} if token else {}
    same_shape("any_403_unauthorized", amazon.http.get(f"{BASE}/reports", headers=headers))


def test_a_login_token_and_an_old_token_are_refused(amazon):
    tokens = amazon.grant("ada")
    amazon.state.clock.advance(3601)
    headers = {"x-amz-access-token": tokens["access_token"]}
    answer = amazon.http.get("/sellers/v1/marketplaceParticipations", headers=headers)
    assert answer.status_code == 403
    assert "expired" in answer.json()["errors"][0]["details"]


def test_fifteen_reports_at_once_then_one_a_minute():
    amazon = world(SANDBOX_AMAZON_RATE_FACTOR="1")
    ada, ben = amazon.seller("ada"), amazon.seller("ben")
    statuses = [ada.create(LEDGER, 5).status_code for _ in range(16)]
    assert statuses == [202] * 15 + [429]
    limited = ada.create(LEDGER, 5)
    same_shape("any_429_quota", limited)
    assert "retry-after" not in limited.headers
    assert ben.create(LEDGER, 5).headers["x-amzn-ratelimit-limit"] == "0.0167"
    amazon.state.clock.advance(61)
    assert [ada.create(LEDGER, 5).status_code for _ in range(2)] == [202, 429]


def test_the_other_operations_keep_their_contract(amazon, ada):
    place = ada.marketplace
    entry = ada.call("GET", "/sellers/v1/marketplaceParticipations").json()["payload"][0]
    assert entry["marketplace"]["id"] == place
    query = {
        "granularityType": "Marketplace",
        "granularityId": place,
        "marketplaceIds": place,
        "details": "true",
    }
    page = ada.call("GET", "/fba/inventory/v1/summaries", params=query).json()
    token = page["pagination"]["nextToken"]
    more = ada.call("GET", "/fba/inventory/v1/summaries", params={**query, "nextToken": token})
    skus = [
        one["sellerSku"]
        for part in (page, more.json())
        for one in part["payload"]["inventorySummaries"]
    ]
    assert len(set(skus)) == len(skus) == 40
    amazon.state.clock.advance(31)
    late = ada.call("GET", "/fba/inventory/v1/summaries", params={**query, "nextToken": token})
    assert late.status_code == 400
    now = amazon.state.clock.now()
    money = {"PostedAfter": (now - timedelta(days=100)).isoformat()}
    events = ada.call("GET", "/finances/v0/financialEvents", params=money).json()["payload"]
    assert events["NextToken"]
    ancient = {"PostedAfter": (now - timedelta(days=200)).isoformat()}
    none = ada.call("GET", "/finances/v0/financialEvents", params=ancient).json()["payload"]
    assert none == {"FinancialEvents": {}}
    asked = {"QueryType": "SHIPMENT", "MarketplaceId": place, "ShipmentStatusList": "CLOSED"}
    found = ada.call("GET", "/fba/inbound/v0/shipments", params=asked).json()["payload"]
    shipment_id = found["ShipmentData"][0]["ShipmentId"]
    items = ada.call("GET", f"/fba/inbound/v0/shipments/{shipment_id}/items").json()["payload"]
    assert len(items["ItemData"]) == 40
    bad = ada.call("GET", "/fba/inbound/v0/shipments", params={**asked, "MarketplaceId": "x"})
    assert bad.status_code == 400


def test_a_folder_of_real_reports_is_served():
    folder = shared("data", "amazon", "settlements")
    if folder is None:
        pytest.skip("../shared/data/amazon is absent")
    robin = world(SANDBOX_AMAZON_REPORTS=str(folder)).seller("reports")
    query = {"reportTypes": SETTLEMENT, "pageSize": "100"}
    found = robin.call("GET", f"{BASE}/reports", params=query).json()["reports"]
    served = [robin.document(one["reportDocumentId"])[0] for one in reversed(found)]
    assert served == [path.read_bytes() for path in sorted(folder.glob("*.txt"))]


@pytest.mark.parametrize("options", [{}, {"aggregateByLocation": "FC"}])
def test_the_ledger_summary_follows_its_balances_to_what_is_in_stock(amazon, ada, options):
    rows = ada.report("GET_LEDGER_SUMMARY_VIEW_DATA", days=400, **options)
    ends, stock, order = {}, Counter(), []
    for row in rows:
        place = (row["fnsku"], row["disposition"], row["location"])
        start, end = (int(row[f"{name}warehousebalance"]) for name in ("starting", "ending"))
        assert start == ends.get(place, start), "a month begins as the one before ended"
        ends[place] = end
        order.append(tuple(reversed(row["date"].split("/"))))
    assert order == sorted(order)
    for (fnsku, _, _), units in ends.items():
        stock[fnsku] += units
    assert stock == Counter(amazon.control.get("/stock/ada").json())
    centres = {row["fulfillmentcenter"] for row in ada.report(LEDGER, days=548)}
    assert {row["location"] for row in rows} <= (centres if options else {"US"})
