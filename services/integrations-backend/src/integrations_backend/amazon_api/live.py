"""Amazon over HTTP: LWA, sellers, Reports 2021-06-30."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx

from integrations_backend.amazon_api.document import fetch_document, refuse_inner_link
from integrations_backend.amazon_api.errors import AmazonUnavailable
from integrations_backend.amazon_api.gateway import ReportState
from integrations_backend.amazon_api.pacing import Pacing
from integrations_backend.amazon_api.sp_api import SpApi
from integrations_backend.amazon_api.unpack import Bounds
from integrations_backend.grants import Grant
from integrations_backend.provider_answers import grant_of, token_answer
from integrations_backend.settings import Settings
from opside_chassis.database import refuse_open_transaction

REPORTS = "/reports/2021-06-30"
DONE = "DONE"
PAGE_SIZE = 100


class LiveAmazon:
    """The real thing, or a sandbox behind the same addresses."""

    def __init__(
        self,
        settings: Settings,
        lwa: httpx.AsyncClient,
        api: httpx.AsyncClient,
        *,
        pacing: Pacing | None = None,
        seller: str | None = None,
    ) -> None:
        self._settings = settings
        self._lwa = lwa
        self._api = SpApi(api, pacing or Pacing(), seller)
        self._bounds = Bounds(settings.amazon_largest_document_mib << 20)

    def of(self, seller: str) -> "LiveAmazon":
        """The same Amazon, keeping to this seller's usage plans."""
        return LiveAmazon(
            self._settings, self._lwa, self._api.client, pacing=self._api.pacing, seller=seller
        )

    def consent_url(self, state: str) -> str:
        """Where a seller connects his account."""
        query = {
            "application_id": self._settings.amazon_application_id,
            "state": state,
            "redirect_uri": self._settings.amazon_redirect_uri,
        }
        base = self._settings.amazon_seller_central_url
        return f"{base}/apps/authorize/consent?{urlencode(query)}"

    async def exchange(self, code: str) -> Grant:
        """A consent code for tokens, once."""
        return await self._token(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._settings.amazon_redirect_uri,
            }
        )

    async def refresh(self, refresh_token: str) -> Grant:
        """A fresh access token; the refresh token in the answer replaces the old one."""
        return await self._token({"grant_type": "refresh_token", "refresh_token": refresh_token})

    async def marketplaces(self, access_token: str) -> Sequence[str]:
        """Ids of the marketplaces that the seller takes part in."""
        answer = await self._api.call(
            "getMarketplaceParticipations",
            "GET",
            "/sellers/v1/marketplaceParticipations",
            access_token=access_token,
        )
        return [
            one["marketplace"]["id"]
            for one in answer.get("payload", [])
            if one.get("participation", {}).get("isParticipating", True)
        ]

    async def create_report(
        self,
        access_token: str,
        *,
        report_type: str,
        marketplace_id: str,
        start: datetime,
        end: datetime | None,
        options: Mapping[str, str],
    ) -> str:
        """Ask for a report from `start` until `end`, or until Amazon's own now; answers its id."""
        wanted: dict[str, object] = {
            "reportType": report_type,
            "marketplaceIds": [marketplace_id],
            "dataStartTime": start.isoformat(timespec="seconds"),
        }
        if end is not None:
            wanted["dataEndTime"] = end.isoformat(timespec="seconds")
        if options:
            wanted["reportOptions"] = dict(options)
        answer = await self._api.call(
            "createReport",
            "POST",
            f"{REPORTS}/reports",
            access_token=access_token,
            detail=report_type,
            json=wanted,
        )
        return str(answer["reportId"])

    async def report(self, access_token: str, report_id: str) -> ReportState:
        """Where it is."""
        path = f"{REPORTS}/reports/{report_id}"
        return _state(await self._api.call("getReport", "GET", path, access_token=access_token))

    async def finished_reports(
        self, access_token: str, *, report_type: str, since: datetime
    ) -> Sequence[ReportState]:
        """Reports that Amazon made by itself."""
        return await self._listed(access_token, report_type, since, processingStatuses=DONE)

    async def asked_reports(
        self, access_token: str, *, report_type: str, since: datetime
    ) -> Sequence[ReportState]:
        """Reports of a type that were asked for since then, finished or not, newest first."""
        return await self._listed(access_token, report_type, since)

    async def _listed(
        self, access_token: str, report_type: str, since: datetime, **more: str
    ) -> Sequence[ReportState]:
        query = {
            "reportTypes": report_type,
            "createdSince": since.isoformat(timespec="seconds"),
            "pageSize": str(PAGE_SIZE),
            **more,
        }
        found: list[ReportState] = []
        while True:
            path = f"{REPORTS}/reports?{urlencode(query)}"
            page = await self._api.call("getReports", "GET", path, access_token=access_token)
            found += [_state(one) for one in page.get("reports", [])]
            if not page.get("nextToken"):
                return found
            # The token stands alone: any other parameter beside it is refused.
            query = {"nextToken": page["nextToken"]}

    async def download(self, access_token: str, document_id: str, target: Path) -> str | None:
        """Write the unpacked document to `target`, never holding it whole in memory."""
        path = f"{REPORTS}/documents/{document_id}"
        document = await self._api.call("getReportDocument", "GET", path, access_token=access_token)
        refuse_inner_link(document["url"], api_url=self._settings.amazon_sp_api_url)
        return await fetch_document(
            document["url"],
            target,
            packed=document.get("compressionAlgorithm") == "GZIP",
            patience=self._api.client.timeout,
            bounds=self._bounds,
        )

    async def _token(self, form: dict[str, str]) -> Grant:
        refuse_open_transaction()
        secret = self._settings.amazon_client_secret.get_secret_value()
        credentials = {"client_id": self._settings.amazon_client_id, "client_secret": secret}
        try:
            answer = await self._lwa.post("/auth/o2/token", data=form | credentials)
        except httpx.HTTPError as error:
            raise AmazonUnavailable(type(error).__name__) from error
        return grant_of(token_answer(answer, AmazonUnavailable), AmazonUnavailable)


def _state(found: dict[str, Any]) -> ReportState:
    return ReportState(
        found["reportId"],
        found["processingStatus"],
        found.get("reportDocumentId"),
        _moment(found.get("createdTime")),
        _moment(found.get("dataStartTime")),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
