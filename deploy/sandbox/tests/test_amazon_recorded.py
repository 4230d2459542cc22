"""The ten recorded exchanges, sent again: same status, header names, body keys and error codes."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import pytest
from amazon_contract import shared
from amazon_world import LEDGER, SELLER, World, world

PATH = shared("data", "amazon", "recorded_http.json")
RECORDED = json.loads(PATH.read_text())["exchanges"] if PATH else []
BY_NAME = {one["name"]: one for one in RECORDED}
REPORTS = "/reports/2021-06-30"
ARN = "arn:aws:sqs:us-east-2:444455556666:queue1"


@dataclass
class Stage:
    """A world with a seller's token, and what the recorded calls speak of."""

    amazon: World

    def __post_init__(self) -> None:
        self.tokens = self.amazon.grant("cleo")
        self.headers = {"x-amz-access-token": self.tokens["access_token"]}

    def send(self, method: str, path: str, **more) -> httpx.Response:
        return self.amazon.http.request(method, path, headers=self.headers, **more)

    def create(self) -> httpx.Response:
        body = {"reportType": LEDGER, "marketplaceIds": ["A1F83G8C2ARO7P"]}
        body |= {"dataStartTime": "2020-01-01T00:00:00Z", "dataEndTime": "2100-01-01T00:00:00Z"}
        return self.send("POST", f"{REPORTS}/reports", json=body)

    def finished(self) -> dict:
        report_id = self.create().json()["reportId"]
        self.amazon.state.clock.advance(2)
        return self.send("GET", f"{REPORTS}/reports/{report_id}").json()

    def subscription(self) -> httpx.Response:
        scope = "sellingpartnerapi::notifications"
        granted = self.amazon.token(grant_type="client_credentials", scope=scope, **SELLER).json()
        place = self.amazon.http.post(
            "/notifications/v1/destinations",
            json={"name": "q", "resourceSpecification": {"sqs": {"arn": ARN}}},
            headers={"x-amz-access-token": granted["access_token"]},
        ).json()["payload"]["destinationId"]
        path = "/notifications/v1/subscriptions/REPORT_PROCESSING_FINISHED"
        body = {"payloadVersion": "2020-09-04", "destinationId": place}
        self.send("POST", path, json=body)
        return self.send("GET", path)

    def refreshed(self) -> httpx.Response:
        form = {"grant_type": "refresh_token", "refresh_token": self.tokens["refresh_token"]}
        return self.amazon.token(**form, **SELLER)

    def document(self) -> httpx.Response:
        # Only a plain document shows no compressionAlgorithm, as the recorded one.
        body = {"reportType": "GET_FBA_REIMBURSEMENTS_DATA", "marketplaceIds": ["A1F83G8C2ARO7P"]}
        body["dataStartTime"] = "2020-01-01T00:00:00Z"
        report_id = self.send("POST", f"{REPORTS}/reports", json=body).json()["reportId"]
        self.amazon.state.clock.advance(2)
        done = self.send("GET", f"{REPORTS}/reports/{report_id}").json()
        return self.send("GET", f"{REPORTS}/documents/{done['reportDocumentId']}")

    def listed(self) -> httpx.Response:
        self.finished()
        return self.send("GET", f"{REPORTS}/reports?pageSize=10&reportTypes={LEDGER}")

    def limited(self) -> httpx.Response:
        body = {"operation": "getReports", "kind": "429"}
        self.amazon.control.post("/faults", json=body)
        return self.send("GET", f"{REPORTS}/reports?pageSize=10&reportTypes={LEDGER}")


ACTS: dict[str, Callable[[Stage], httpx.Response]] = {
    "lwa_refresh_ok": Stage.refreshed,
    "lwa_missing_grant_type": lambda stage: stage.amazon.token(**SELLER),
    "reports_create_202": Stage.create,
    "reports_get_200_done": lambda stage: stage.send(
        "GET", f"{REPORTS}/reports/{stage.finished()['reportId']}"
    ),
    "reports_document_200": Stage.document,
    "reports_list_200": Stage.listed,
    "reports_get_404": lambda stage: stage.send("GET", f"{REPORTS}/reports/1234567"),
    "any_403_unauthorized": lambda stage: stage.amazon.http.get(f"{REPORTS}/reports"),
    "any_429_quota": Stage.limited,
    "sandbox_notifications_subscription_200": Stage.subscription,
}
IGNORED = {"date", "x-amz-date", "content-length"}


def test_no_recorded_exchange_is_left_out():
    if PATH is None:
        pytest.skip("../shared/data/amazon is absent")
    assert set(ACTS) == set(BY_NAME)


@pytest.mark.parametrize("name", list(ACTS))
def test_the_stand_in_answers_as_the_recorded_service(name):
    if PATH is None:
        pytest.skip("../shared/data/amazon is absent")
    recorded = BY_NAME[name]["response"]
    answer = ACTS[name](Stage(world()))
    assert answer.status_code == recorded["status"]
    assert set(answer.headers) - IGNORED == set(recorded["headers"]) - IGNORED
    mine, theirs = answer.json(), recorded["body"]
    assert set(mine) == set(theirs)
    for constant in ("token_type", "expires_in", "error", "error_description"):
        assert mine.get(constant) == theirs.get(constant)
    for one, other in zip(mine.get("errors", []), theirs.get("errors", []), strict=True):
        assert one == other
    if "reports" in theirs:
        assert set(mine["reports"][0]) == set(theirs["reports"][0])
    if "payload" in theirs:
        assert set(mine["payload"]) == set(theirs["payload"])
    for header in ("content-type", "cache-control", "x-amzn-errortype", "vary"):
        assert answer.headers.get(header) == recorded["headers"].get(header)
