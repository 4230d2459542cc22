"""Faults on the wire: what an unlucky caller sees, and what has really happened."""

import gzip
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from amazon_world import LEDGER, SELLER, SELLER_URI
from sandbox_process import Sandbox, running, until

BASE = "/reports/2021-06-30"


class Caller:
    """A seller's client over real HTTP, and the control API."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.http = httpx.Client(base_url=sandbox.amazon, timeout=30)
        self.control = httpx.Client(base_url=f"{sandbox.control}/control")
        form = {
            "application_id": "amzn1.sp.solution.sandbox-seller",
            "state": "s",
            "redirect_uri": SELLER_URI,
            "persona": "ben",
            "decision": "allow",
        }
        there = self.http.post("/apps/authorize/consent", data=form).headers["location"]
        self.tokens = self.token(
            grant_type="authorization_code", code=httpx.URL(there).params["spapi_oauth_code"]
        ).json()
        self.headers = {"x-amz-access-token": self.tokens["access_token"]}

    def token(self, **form: str) -> httpx.Response:
        return self.http.post("/auth/o2/token", data={**form, **SELLER})

    def plan(self, operation: str, kind: str, **more) -> httpx.Response:
        body = {"operation": operation, "kind": kind, **more}
        return self.control.post("/amazon/faults", json=body)

    def create(self, kind: str = LEDGER, **more) -> httpx.Response:
        body = {
            "reportType": kind,
            "marketplaceIds": ["ATVPDKIKX0DER"],
            "dataStartTime": "2020-01-01T00:00:00Z",
            "dataEndTime": "2100-01-01T00:00:00Z",
        }
        return self.http.post(f"{BASE}/reports", json=body, headers=self.headers, **more)

    def reports(self) -> int:
        query = {"reportTypes": LEDGER, "pageSize": "100"}
        found = self.http.get(f"{BASE}/reports", params=query, headers=self.headers)
        return len(found.json()["reports"])

    def finished(self, kind: str = LEDGER) -> str:
        """The document id of a fresh report."""
        report_id = self.create(kind).json()["reportId"]
        self.control.post("/clock/advance", json={"seconds": 2})
        answer = self.http.get(f"{BASE}/reports/{report_id}", headers=self.headers)
        return answer.json()["reportDocumentId"]

    def link(self, document_id: str) -> str:
        answer = self.http.get(f"{BASE}/documents/{document_id}", headers=self.headers)
        return answer.json()["url"]


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    with running(SANDBOX_AMAZON_RATE_FACTOR="50") as sandbox:
        yield Caller(sandbox)


@pytest.fixture(autouse=True)
def _no_fault_left(caller):
    yield
    caller.control.delete("/amazon/faults")


@contextmanager
def within(least: float, most: float) -> Iterator[None]:
    begun = time.monotonic()
    yield
    assert least <= time.monotonic() - begun <= most


@pytest.mark.parametrize(
    ("kind", "kept"), [("timeout_before", 0), ("timeout_after", 1), ("reset", 0)]
)
def test_no_answer_and_what_was_kept(caller, kind, kept):
    before = caller.reports()
    caller.plan("createReport", kind, seconds=0.3)
    with within(0 if kind == "reset" else 0.3, 30), pytest.raises(httpx.RemoteProtocolError):
        caller.create()
    assert caller.reports() - before == kept
    assert caller.create().status_code == 202


def test_a_caller_who_gives_up_leaves_the_effect_of_a_late_answer(caller):
    before = caller.reports()
    caller.plan("createReport", "timeout_after", seconds=30)
    with pytest.raises(httpx.ReadTimeout):
        caller.create(timeout=0.4)
    until(lambda: caller.reports() - before == 1)


@pytest.mark.parametrize(("kind", "kept"), [("500_before", 0), ("500_after", 1)])
def test_500_and_what_was_kept(caller, kind, kept):
    before = caller.reports()
    caller.plan("createReport", kind)
    refused = caller.create()
    assert refused.status_code == 500
    assert refused.json()["errors"][0]["code"] == "InternalFailure"
    assert caller.reports() - before == kept


def test_429_and_a_gateway_page(caller):
    caller.plan("getReports", "429")
    caller.plan("getReports", "503_html", nth=2)
    query = {"reportTypes": LEDGER}
    first, second, third = (
        caller.http.get(f"{BASE}/reports", params=query, headers=caller.headers) for _ in range(3)
    )
    assert first.json()["errors"][0]["code"] == "QuotaExceeded"
    assert {"retry-after", "x-amzn-ratelimit-limit"}.isdisjoint(first.headers)
    assert (second.status_code, second.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert third.status_code == 200


def test_a_slow_body_is_whole_in_the_end(caller):
    url = caller.link(caller.finished())
    at_once = caller.http.get(url).content
    caller.plan("downloadDocument", "slow", seconds=0.6)
    with within(0.5, 30):
        assert caller.http.get(url).content == at_once


def test_a_truncated_gzip_arrives_as_if_whole(caller):
    url = caller.link(caller.finished())
    whole = caller.http.get(url).content
    caller.plan("downloadDocument", "truncated_gzip")
    cut = caller.http.get(url)
    assert cut.status_code == 200
    assert whole.startswith(cut.content)
    assert 0 < len(cut.content) < len(whole)
    with pytest.raises(EOFError):
        gzip.decompress(cut.content)
    assert gzip.decompress(caller.http.get(url).content) == gzip.decompress(whole)


def test_a_truncated_plain_file_breaks_the_connection(caller):
    document_id = caller.finished("GET_FBA_REIMBURSEMENTS_DATA")
    caller.plan("downloadDocument", "truncated_gzip")
    with pytest.raises(httpx.TransportError):
        caller.http.get(caller.link(document_id))
    assert caller.http.get(caller.link(document_id)).text.count("\n") > 5


def test_an_expired_link_and_a_new_one(caller):
    document_id = caller.finished()
    caller.plan("downloadDocument", "expired_link")
    expired = caller.http.get(caller.link(document_id))
    assert (expired.status_code, "Request has expired" in expired.text) == (403, True)
    assert caller.http.get(caller.link(document_id)).status_code == 200


@pytest.mark.parametrize("kind", ["truncated_gzip", "expired_link"])
def test_document_faults_are_for_documents(caller, kind):
    assert caller.plan("getReport", kind).status_code == 422


def test_a_wrong_content_type_keeps_the_body(caller):
    caller.plan("getReports", "wrong_content_type")
    query = {"reportTypes": LEDGER}
    answer = caller.http.get(f"{BASE}/reports", params=query, headers=caller.headers)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "reports" in answer.json()


def test_a_jump_of_the_clock_ends_the_token_within_the_call(caller):
    caller.plan("getReports", "clock_jump", seconds=3601)
    query = {"reportTypes": LEDGER}
    answer = caller.http.get(f"{BASE}/reports", params=query, headers=caller.headers)
    assert answer.status_code == 403
    fresh = caller.token(
        grant_type="refresh_token", refresh_token=caller.tokens["refresh_token"]
    ).json()
    caller.headers = {"x-amz-access-token": fresh["access_token"]}
    assert caller.reports() > 0


@pytest.mark.parametrize(("kind", "status"), [("500_after", 500), ("429", 429)])
def test_login_with_amazon_is_not_spared(caller, kind, status):
    form = {"grant_type": "refresh_token", "refresh_token": caller.tokens["refresh_token"]}
    caller.plan("lwaToken", kind)
    refused = caller.token(**form)
    assert refused.status_code == status
    assert refused.json()["error"] != "invalid_grant"
    assert caller.token(**form).status_code == 200


def test_the_nth_call_of_the_run_can_be_named(caller):
    counted = caller.control.get("/amazon/faults").json()["calls"]["getReports"]
    caller.plan("getReports", "500_before", nth=counted + 2, relative=False, times=2)
    query = {"reportTypes": LEDGER}
    statuses = [
        caller.http.get(f"{BASE}/reports", params=query, headers=caller.headers).status_code
        for _ in range(4)
    ]
    assert statuses == [200, 500, 500, 200]
    assert caller.control.delete("/amazon/faults").json() == {"faults": []}
