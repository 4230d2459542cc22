"""Amazon over HTTP: LWA, sellers, Reports 2021-06-30."""

import ssl
import zlib
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx

from integrations_backend.amazon_api.errors import (
    AccessDenied,
    AmazonUnavailable,
    GrantRefused,
    RequestRefused,
    Throttled,
)
from integrations_backend.amazon_api.gateway import ReportState
from integrations_backend.grants import Grant
from integrations_backend.settings import Settings
from opside_chassis.database import refuse_open_transaction

USER_AGENT = "Opside/0.1 (Language=Python; Platform=Linux)"
REPORTS = "/reports/2021-06-30"
LARGEST_DOCUMENT_BYTES = 512 * 1024 * 1024
"""Unpacked; a larger one is a compression bomb or must be asked for in shorter periods."""
CHUNK_BYTES = 64 * 1024
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
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
        largest_document_bytes: int = LARGEST_DOCUMENT_BYTES,
    ) -> None:
        self._settings = settings
        self._lwa = lwa
        self._api = api
        self._largest_document_bytes = largest_document_bytes

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
        answer = await self._get(access_token, "/sellers/v1/marketplaceParticipations")
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
    ) -> str:
        """Ask for a report from `start` until `end`, or until Amazon's own now; answers its id."""
        wanted: dict[str, object] = {
            "reportType": report_type,
            "marketplaceIds": [marketplace_id],
            "dataStartTime": start.isoformat(timespec="seconds"),
        }
        if end is not None:
            wanted["dataEndTime"] = end.isoformat(timespec="seconds")
        answer = await self._call("POST", access_token, f"{REPORTS}/reports", json=wanted)
        return str(answer["reportId"])

    async def report(self, access_token: str, report_id: str) -> ReportState:
        """Where it is."""
        return _state(await self._get(access_token, f"{REPORTS}/reports/{report_id}"))

    async def finished_reports(
        self, access_token: str, *, report_type: str, since: datetime
    ) -> Sequence[ReportState]:
        """Reports that Amazon made by itself."""
        query: dict[str, str] = {
            "reportTypes": report_type,
            "processingStatuses": DONE,
            "createdSince": since.isoformat(timespec="seconds"),
            "pageSize": str(PAGE_SIZE),
        }
        found: list[ReportState] = []
        while True:
            page = await self._get(access_token, f"{REPORTS}/reports?{urlencode(query)}")
            found += [_state(one) for one in page.get("reports", [])]
            if not page.get("nextToken"):
                return found
            # The token stands alone: any other parameter beside it is refused.
            query = {"nextToken": page["nextToken"]}

    async def download(self, access_token: str, document_id: str, target: Path) -> str | None:
        """Write the unpacked document to `target`, never holding it whole in memory."""
        document = await self._get(access_token, f"{REPORTS}/documents/{document_id}")
        packed = document.get("compressionAlgorithm") == "GZIP"
        refuse_open_transaction()
        try:
            # The signed address takes none of our headers and may be on any host.
            async with (
                httpx.AsyncClient(timeout=self._api.timeout, verify=_trusted()) as plain,
                plain.stream("GET", document["url"]) as answer,
            ):
                if not answer.is_success:
                    raise AmazonUnavailable(f"document link answers {answer.status_code}")
                await _write(
                    answer, target, packed=packed, largest_bytes=self._largest_document_bytes
                )
                return answer.charset_encoding
        except (httpx.HTTPError, zlib.error) as error:
            raise AmazonUnavailable(f"document broke off: {type(error).__name__}") from error

    async def _get(self, access_token: str, path: str) -> dict[str, Any]:
        return await self._call("GET", access_token, path)

    async def _call(
        self, method: str, access_token: str, path: str, *, json: object = None
    ) -> dict[str, Any]:
        refuse_open_transaction()
        headers = {"x-amz-access-token": access_token, "user-agent": USER_AGENT}
        try:
            answer = await self._api.request(method, path, headers=headers, json=json)
        except httpx.HTTPError as error:
            raise AmazonUnavailable(type(error).__name__) from error
        # The status first: a 503 may carry HTML, a 403 no content type.
        match answer.status_code:
            case 403:
                raise AccessDenied(path)
            case 429:
                raise Throttled(path)
            case 400 | 404:
                raise RequestRefused(f"{answer.status_code} {path}: {answer.text[:200]}")
        if not answer.is_success:
            raise AmazonUnavailable(f"{answer.status_code} {path}")
        return _object(answer)

    async def _token(self, form: dict[str, str]) -> Grant:
        refuse_open_transaction()
        secret = self._settings.amazon_client_secret.get_secret_value()
        credentials = {"client_id": self._settings.amazon_client_id, "client_secret": secret}
        try:
            answer = await self._lwa.post("/auth/o2/token", data=form | credentials)
        except httpx.HTTPError as error:
            raise AmazonUnavailable(type(error).__name__) from error
        if answer.status_code == httpx.codes.BAD_REQUEST:
            if _object(answer).get("error") == "invalid_grant":
                raise GrantRefused
            raise AmazonUnavailable("the token endpoint does not accept our credentials")
        if not answer.is_success:
            raise AmazonUnavailable(f"token endpoint answers {answer.status_code}")
        found = _object(answer)
        return Grant(found["access_token"], found["refresh_token"], int(found["expires_in"]))


@cache
def _trusted() -> ssl.SSLContext:
    """The authorities that are trusted: reading them takes longer than most documents."""
    return httpx.create_ssl_context()


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError as error:
        raise AmazonUnavailable("the answer is no JSON") from error
    if not isinstance(found, dict):
        raise AmazonUnavailable("the answer is no JSON object")
    return found


def _state(found: dict[str, Any]) -> ReportState:
    created = found.get("createdTime")
    return ReportState(
        found["reportId"],
        found["processingStatus"],
        found.get("reportDocumentId"),
        datetime.fromisoformat(created) if created else None,
    )


async def _write(answer: httpx.Response, target: Path, *, packed: bool, largest_bytes: int) -> None:
    unpack = zlib.decompressobj(_GZIP_WINDOW) if packed else None
    written = 0
    with target.open("wb") as file:
        async for chunk in answer.aiter_raw(CHUNK_BYTES):
            data = unpack.decompress(chunk) if unpack else chunk
            written += len(data)
            if written > largest_bytes:
                raise RequestRefused(
                    f"the document is larger than {largest_bytes >> 20} MiB unpacked"
                )
            file.write(data)
    if unpack is not None and not unpack.eof:
        raise AmazonUnavailable("the document is a truncated gzip file")
