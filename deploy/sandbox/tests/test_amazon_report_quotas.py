"""Hidden report quotas, failures with and without a document, and how long things are kept."""

import json

import pytest
from amazon_contract import shared
from amazon_reader import fold
from amazon_world import LEDGER, PAYMENTS, SETTLEMENT, World, world

BASE = "/reports/2021-06-30"
STOCK = "GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA"
FEES = "GET_FBA_ESTIMATED_FBA_FEES_TXT_DATA"


@pytest.fixture
def amazon() -> World:
    return world()


def ends_as(amazon: World, seller, kind: str, **more) -> str:
    """How a report of this type ends that is asked for now."""
    report_id = seller.create(kind, **more).json()["reportId"]
    amazon.state.clock.advance(1.1)
    return seller.status(report_id)["processingStatus"]


def test_without_quotas_a_report_may_be_asked_for_at_once_again(amazon):
    ada = amazon.seller("ada")
    assert [ends_as(amazon, ada, STOCK) for _ in range(3)] == ["DONE"] * 3


@pytest.mark.parametrize(
    ("kind", "hours", "early"), [(STOCK, 0.5, "CANCELLED"), (LEDGER, 4, "FATAL")]
)
def test_asking_too_soon_is_cancelled_or_fatal_until_the_interval_is_over(
    amazon, kind, hours, early
):
    assert amazon.control.post("/reports/quotas", json={}).status_code == 200
    assert ends_as(amazon, amazon.seller("ada"), kind) == "DONE"
    assert ends_as(amazon, amazon.seller("ada"), kind) == early
    assert ends_as(amazon, amazon.seller("ben"), kind) == "DONE"
    amazon.state.clock.advance(hours * 1800)
    assert ends_as(amazon, amazon.seller("ada"), kind) == early
    amazon.state.clock.advance(hours * 1800)
    # What was refused in between does not start the interval anew.
    assert ends_as(amazon, amazon.seller("ada"), kind) == "DONE"


def test_other_options_are_another_report(amazon):
    amazon.control.post("/reports/quotas", json={})
    ada = amazon.seller("ada")
    assert ends_as(amazon, ada, LEDGER) == "DONE"
    assert ends_as(amazon, ada, LEDGER, eventType="Receipts") == "DONE"
    assert ends_as(amazon, ada, LEDGER, eventType="Receipts") == "FATAL"


def test_a_hidden_quota_may_answer_429_with_a_full_bucket(amazon):
    amazon.control.post("/reports/quotas", json={})
    ada = amazon.seller("ada")
    assert ends_as(amazon, ada, FEES) == "DONE"
    limited = ada.create(FEES)
    assert limited.status_code == 429
    assert limited.json()["errors"][0]["code"] == "QuotaExceeded"
    assert {"x-amzn-ratelimit-limit", "retry-after"}.isdisjoint(limited.headers)
    assert ada.create(LEDGER).status_code == 202


def test_a_run_may_choose_its_quotas_and_end_them(amazon):
    chosen = {"reportType": PAYMENTS, "seconds": 60, "answer": "CANCELLED"}
    assert amazon.control.post("/reports/quotas", json={"quotas": [chosen]}).json() == [chosen]
    ada = amazon.seller("ada")
    assert [ends_as(amazon, ada, LEDGER) for _ in range(2)] == ["DONE"] * 2
    assert [ends_as(amazon, ada, PAYMENTS) for _ in range(2)] == ["DONE", "CANCELLED"]
    assert amazon.control.post("/reports/quotas", json={"on": False}).json() == []
    assert ends_as(amazon, ada, PAYMENTS) == "DONE"


def test_fatal_may_come_without_a_document(amazon):
    body = {"persona": "ada", "reportType": LEDGER, "document": False}
    amazon.control.post("/reports/fatal", json=body)
    ada = amazon.seller("ada")
    report_id = ada.create(LEDGER).json()["reportId"]
    amazon.state.clock.advance(1.1)
    failed = ada.status(report_id)
    assert (failed["processingStatus"], "reportDocumentId" in failed) == ("FATAL", False)
    assert ends_as(amazon, ada, LEDGER) == "DONE"


def test_documents_are_kept_ninety_days(amazon):
    ada = amazon.seller("ada")
    report_id = ada.create(LEDGER).json()["reportId"]
    amazon.state.clock.advance(89 * 86400)
    ada = amazon.seller("ada")
    path = f"{BASE}/documents/{ada.status(report_id)['reportDocumentId']}"
    assert ada.call("GET", path).status_code == 200
    amazon.state.clock.advance(2 * 86400)
    ada = amazon.seller("ada")
    assert ada.call("GET", path).status_code == 404
    query = {"reportTypes": LEDGER}
    assert ada.call("GET", f"{BASE}/reports", params=query).json()["reports"] == []


def test_a_link_of_a_document_that_is_not_ready_does_not_exist(amazon):
    ada = amazon.seller("ada")
    report_id = ada.create(LEDGER).json()["reportId"]
    kept = amazon.state.store.get("amazon.reports", f"ada|{report_id}")
    path = f"{BASE}/documents/{kept['documentId']}"
    assert ada.call("GET", path).status_code == 404
    amazon.state.clock.advance(1.1)
    assert ada.call("GET", path).status_code == 200
    assert amazon.seller("ben").call("GET", path).status_code == 404


def test_the_rate_header_comes_with_good_answers_400_and_404_only(amazon):
    ada = amazon.seller("ada")
    for answer in (ada.create(LEDGER), ada.create("GET_NOTHING")):
        assert answer.headers["x-amzn-ratelimit-limit"] == "0.835"
    missing = ada.call("GET", f"{BASE}/reports/123")
    assert (missing.status_code, missing.headers["x-amzn-ratelimit-limit"]) == (404, "100.0")
    ada.access_token = "Atza|other"
    refused = ada.call("GET", f"{BASE}/reports/123")
    assert (refused.status_code, "x-amzn-ratelimit-limit" in refused.headers) == (403, False)


def test_every_report_type_of_the_reference_has_its_columns(amazon):
    """Names, not order: readers match by name; a column the reference does not know is a mistake."""
    path = shared("contracts", "amazon", "reference", "report-headers.json")
    if path is None:
        pytest.skip("../shared/contracts/amazon is absent")
    reports = json.loads(path.read_text())["reports"]
    ada, seen = amazon.seller("ada"), {}
    for kind in reports:
        if kind.startswith(SETTLEMENT):
            continue
        rows = ada.report(kind)
        seen[kind] = set(rows[0])
        known = [{fold(name) for name in one["columns"]} for one in reports[kind]["variants"]]
        assert seen[kind] in known, kind
    assert len(seen) == 13
