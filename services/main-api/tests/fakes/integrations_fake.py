"""integrations-backend's case routes over HTTP: what it tells main-api when asked in a seller's name."""

import base64
import json
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from fakes.payments_fake import problem
from fastapi.responses import JSONResponse
from starlette.requests import Request
from starlette.responses import Response

from opside_chassis.keyring import KeyRing
from opside_chassis.service_token import ServiceTokenVerifier
from opside_contracts.integrations.cases import SellerCase
from opside_contracts.integrations.papers import ParsedDocument, ParseDocument

TODAY = date(2026, 11, 20)
PAGE = 100


def seller_case(number: int = 1, **changes: Any) -> SellerCase:
    """Two units lost in a warehouse; 40.00 USD until the given day."""
    values: dict[str, Any] = {
        "case_id": f"cas_{number}",
        "claim_id": f"clm_{number}",
        "claim_type": "warehouse_lost",
        "fnsku": f"X00{number}",
        "sku": f"SKU-{number}",
        "order_id": "",
        "reference_id": f"LEDGER{number}",
        "quantity": 2,
        "event_date": TODAY - timedelta(days=20),
        "opens_on": TODAY - timedelta(days=15),
        "deadline": TODAY + timedelta(days=40),
        "value_cents": 4_000,
        "currency": "usd",
        "confidence": 0.9,
        "rule_version": "2026-1",
        "explanation": {"centre": "PHX3", "code": "M"},
        "status": "open",
    }
    return SellerCase(**(values | changes))


@dataclass
class FakeIntegrations:
    """`cases` by user id. `before` are answers given instead of doing the work."""

    ring: KeyRing
    cases: dict[str, list[SellerCase]] = field(default_factory=dict)
    before: list[Response] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    costs: list[dict[str, Any]] = field(default_factory=list)
    papers: dict[bytes, ParsedDocument] = field(default_factory=dict)
    """What a content says; any other is a scan."""
    unparsed: list[Response] = field(default_factory=list)
    """As `before`, for papers."""

    async def __call__(self, request: Request) -> Response:
        token = request.headers["authorization"].removeprefix("Bearer ")
        identity = ServiceTokenVerifier(self.ring, "integrations-backend").verify(token)
        assert identity.service == "main-api"
        if request.url.path == "/internal/documents/parse":
            assert identity.scopes == {"documents:parse"}
            return await self._parse(request)
        if request.url.path == "/api/costs":
            self.costs += json.loads(await request.body())
            return JSONResponse({"casesValued": 1})
        if not request.url.path.startswith("/api/cases"):
            # To the question of a sign-in whether the seller must still connect his account.
            return JSONResponse({"alreadyConnected": True, "consentUrl": None})
        assert (identity.scopes, identity.act_role) == ({"act"}, "user")
        self.asked.append(f"{request.method} {request.url.path}")
        if self.before:
            return self.before.pop(0)
        own = self.cases.setdefault(identity.act_for or "", [])
        if request.url.path == "/api/cases":
            return self._page(own, request)
        case_id, *verb = request.url.path.removeprefix("/api/cases/").split("/")
        for place, case in enumerate(own):
            if case.case_id == case_id:
                if verb == ["filed"]:
                    return self._file(own, place, json.loads(await request.body()))
                return _answer(case.model_dump_json(by_alias=True))
        return problem(404, "no_such_case")

    async def _parse(self, request: Request) -> Response:
        if self.unparsed:
            return self.unparsed.pop(0)
        asked = ParseDocument.model_validate_json(await request.body())
        scan = ParsedDocument(media="application/pdf", needs_typing="the paper holds no text")
        found = self.papers.get(base64.b64decode(asked.content), scan)
        return _answer(found.model_dump_json(by_alias=True))

    def change(self, user_id: str, case_id: str, **changes: Any) -> None:
        """The case is another one now."""
        own = self.cases[user_id]
        self.cases[user_id] = [
            case.model_copy(update=changes) if case.case_id == case_id else case for case in own
        ]

    def _page(self, own: list[SellerCase], request: Request) -> Response:
        status, cursor = request.query_params.get("status"), request.query_params.get("cursor")
        fitting = [case for case in own if status in (None, case.status)]
        start = int(cursor or 0)
        limit = int(request.query_params.get("limit", PAGE))
        items = [json.loads(c.model_dump_json(by_alias=True)) for c in fitting[start:][:limit]]
        more = start + limit < len(fitting)
        return JSONResponse({"items": items, "nextCursor": str(start + limit) if more else None})

    def _file(self, own: list[SellerCase], place: int, body: dict[str, str]) -> Response:
        case, amazon_id = own[place], body["amazonCaseId"]
        if case.amazon_case_id != amazon_id:
            if case.amazon_case_id or any(one.amazon_case_id == amazon_id for one in own):
                return problem(409, "filed_otherwise")
            if case.status == "closed":
                return problem(409, "case_closed")
            own[place] = case.model_copy(update={"amazon_case_id": amazon_id, "status": "filed"})
        return _answer(own[place].model_dump_json(by_alias=True))


def _answer(body: str) -> Response:
    return Response(body, media_type="application/json")
