"""An Amazon stand-in in this process, and a client that walks through its doors."""

import gzip
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from amazon_contract import CONTRACT
from amazon_reader import MANNERS, Manner, rows_of
from fastapi import FastAPI
from fastapi.testclient import TestClient

from opside_sandbox.amazon import control_router
from opside_sandbox.amazon.app import create
from opside_sandbox.settings import load
from opside_sandbox.state import SandboxState, open_state

LOGIN = {
    "client_id": "amzn1.application-oa2-client.sandbox-login",
    "client_secret": "sandbox-login-" + "secret",
}
SELLER = {
    "client_id": "amzn1.application-oa2-client.sandbox-seller",
    "client_secret": "sandbox-seller-" + "secret",
}
LOGIN_URI = "http://127.0.0.1:8000/api/auth/amazon/callback"
SELLER_URI = "http://127.0.0.1:8000/api/amazon/callback"
APPLICATION = "amzn1.sp.solution.sandbox-seller"
LEDGER = "GET_LEDGER_DETAIL_VIEW_DATA"
PAYMENTS = "GET_FBA_REIMBURSEMENTS_DATA"
SETTLEMENT = "GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE"


@dataclass
class World:
    """The stand-in, a browser on it, and the control API."""

    state: SandboxState
    http: TestClient
    control: TestClient

    def token(self, **form: str) -> httpx.Response:
        return self.http.post("/auth/o2/token", data=form)

    def grant(self, persona: str, redirect_uri: str = SELLER_URI) -> dict[str, Any]:
        """The seller consent, to the tokens."""
        asked = {"application_id": APPLICATION, "state": "s", "redirect_uri": redirect_uri}
        form = {**asked, "persona": persona, "decision": "allow"}
        answer = self.http.post("/apps/authorize/consent", data=form)
        code = httpx.URL(answer.headers["location"]).params["spapi_oauth_code"]
        return self.token(grant_type="authorization_code", code=code, **SELLER).json()

    def seller(self, persona: str) -> "SellerApi":
        return SellerApi(self, persona, self.grant(persona)["access_token"])


@dataclass
class SellerApi:
    """SP-API calls of one seller; every exchange goes through Amazon's models."""

    world: World
    persona: str
    access_token: str

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"x-amz-access-token": self.access_token}
        answer = self.world.http.request(method, path, headers=headers, **more)
        CONTRACT.exchange(method, answer)
        return answer

    @property
    def marketplace(self) -> str:
        return self.manner.marketplace

    @property
    def manner(self) -> Manner:
        return MANNERS[self.persona]

    def create(self, kind: str, days: int = 545, **options: str) -> httpx.Response:
        now = self.world.state.clock.now()
        body: dict[str, Any] = {
            "reportType": kind,
            "marketplaceIds": [self.marketplace],
            "dataStartTime": (now - timedelta(days=days)).isoformat(),
            "dataEndTime": now.isoformat(),
        }
        if options:
            body["reportOptions"] = options
        return self.call("POST", "/reports/2021-06-30/reports", json=body)

    def status(self, report_id: str) -> dict[str, Any]:
        return self.call("GET", f"/reports/2021-06-30/reports/{report_id}").json()

    def document(self, document_id: str) -> tuple[bytes, str]:
        """The unpacked bytes and the charset."""
        shown = self.call("GET", f"/reports/2021-06-30/documents/{document_id}").json()
        answer = self.world.http.get(shown["url"])
        assert answer.status_code == 200, answer.text
        packed = shown.get("compressionAlgorithm") == "GZIP"
        content = gzip.decompress(answer.content) if packed else answer.content
        return content, answer.headers["content-type"].partition("charset=")[2]

    def report(self, kind: str, days: int = 545, **options: str) -> list[dict[str, str]]:
        """Ask, wait, fetch, read: the rows, or none when Amazon cancelled it."""
        report_id = self.create(kind, days, **options).json()["reportId"]
        self.world.state.clock.advance(1.1)
        done = self.status(report_id)
        if done["processingStatus"] == "CANCELLED":
            return []
        assert done["processingStatus"] == "DONE", done
        return self.rows(done["reportDocumentId"])

    def rows(self, document_id: str) -> list[dict[str, str]]:
        """A document as an independent reader sees it."""
        return rows_of(*self.document(document_id), self.manner.older_charset)

    def settlements(self, layout: str = "") -> list[list[dict[str, str]]]:
        query = {"reportTypes": SETTLEMENT + layout, "pageSize": "100"}
        found = self.call("GET", "/reports/2021-06-30/reports", params=query).json()["reports"]
        return [self.rows(one["reportDocumentId"]) for one in reversed(found)]


def world(**settings: str) -> World:
    """A fresh stand-in; the usage plans are Amazon's own unless a factor is given.

    Its clock stands unless a test moves it: a report is not done because the machine is slow, and no
    day ends in the middle of a test.
    """
    environment = {"SANDBOX_CONTROL": "on", "SANDBOX_AMAZON_RATE_FACTOR": "50", **settings}
    begun = datetime.now(UTC)
    state = open_state(load(environment), lambda: begun)
    control = FastAPI()
    control.include_router(control_router(state))
    return World(
        state,
        TestClient(create(state), base_url="http://127.0.0.1:12112", follow_redirects=False),
        TestClient(control),
    )
