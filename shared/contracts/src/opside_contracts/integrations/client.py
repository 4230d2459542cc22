"""Calls to integrations-backend; they raise `OpsideError`s, `Unavailable` when it is down."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from opside_chassis.http_client import ServiceClient
from opside_contracts import scopes
from opside_contracts.integrations.cases import FileCase, SellerCase, SellerCases, UnitCost
from opside_contracts.integrations.messages import SellerConsent, StartSellerConsent
from opside_contracts.integrations.papers import (
    READING_WAIT_SECONDS,
    ParsedDocument,
    ParseDocument,
)

MOST_CASES_IN_A_PAGE = 100


class IntegrationsClient:
    """integrations-backend as seen from another service."""

    def __init__(self, http: ServiceClient) -> None:
        self._http = http

    async def start_seller_consent(self, request: StartSellerConsent) -> SellerConsent:
        """Open a one-use consent attempt and answer the page of Seller Central to go to."""
        return await self._http.request_as(
            SellerConsent,
            "POST",
            "/internal/amazon/consents",
            scope=scopes.START_CONSENT,
            act_for=request.user_id,
            json=request.model_dump(mode="json", by_alias=True, exclude_none=True),
        )

    async def parse_document(self, request: ParseDocument) -> ParsedDocument:
        """Have a paper read; nothing of it is stored there, so a repeat is harmless."""
        return await self._http.request_as(
            ParsedDocument,
            "POST",
            "/internal/documents/parse",
            scope=scopes.PARSE_DOCUMENT,
            json=request.model_dump(mode="json", by_alias=True, exclude_none=True),
            timeout_seconds=READING_WAIT_SECONDS,
        )

    async def list_open_cases(
        self, *, user_id: str, cursor: str | None, limit: int = MOST_CASES_IN_A_PAGE
    ) -> SellerCases:
        """One page of the cases that the user may file, newest first, as he would see it himself."""
        query = {"status": "open", "limit": limit} | ({"cursor": cursor} if cursor else {})
        return await self._http.request_as(
            SellerCases, "GET", "/api/cases", query=query, **_acting(user_id)
        )

    async def put_costs(self, costs: Sequence[UnitCost], *, user_id: str) -> None:
        """Enter what units cost into the user's cost book, as he would himself; a repeat is harmless."""
        body = [cost.model_dump(mode="json", by_alias=True) for cost in costs]
        await self._http.request("PUT", "/api/costs", json=body, **_acting(user_id))

    async def read_case(self, *, user_id: str, case_id: str) -> SellerCase:
        """One case of the user; raises `NotFound` when there is none or it is somebody else's."""
        path = f"/api/cases/{quote(case_id, safe='')}"
        return await self._http.request_as(SellerCase, "GET", path, **_acting(user_id))

    async def file_case(self, request: FileCase, *, user_id: str, case_id: str) -> SellerCase:
        """Tell that a person filed the case at Amazon; telling the same again is harmless.

        Raises `Conflict` when the case is closed, was filed under another Amazon case id, or that id
        belongs to another case.
        """
        return await self._http.request_as(
            SellerCase,
            "POST",
            f"/api/cases/{quote(case_id, safe='')}/filed",
            json=request.model_dump(mode="json", by_alias=True),
            idempotency_key=f"filed-{case_id}",
            **_acting(user_id),
        )


def _acting(user_id: str) -> dict[str, Any]:
    """These routes are the user's own; we ask in his name."""
    return {"scope": scopes.ACT_FOR_USER, "act_for": user_id, "act_role": "user"}
