"""Reports 2021-06-30."""

import json
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request

from opside_sandbox.amazon.reports.ledger import EVENT_TYPES
from opside_sandbox.amazon.reports.registry import (
    LEDGER_DETAIL,
    LEDGER_SUMMARY,
    SNAPSHOTS,
    UNREQUESTABLE,
    WRITERS,
)
from opside_sandbox.amazon.spapi import reports_queue as queue
from opside_sandbox.amazon.spapi.documents import gzipped, signed_url
from opside_sandbox.amazon.spapi.errors import invalid_input, not_found
from opside_sandbox.amazon.spapi.gate import Answer, Caller, guarded
from opside_sandbox.amazon.spapi.parameters import many, moment, whole
from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document

_BASE = "/reports/2021-06-30"
_LEDGER_MONTHS_DAYS = 550
_STATUSES = {"CANCELLED", "DONE", "FATAL", "IN_PROGRESS", "IN_QUEUE"}
_TOKENS = "amazon.page_tokens"


def _ledger_refusals(body: dict[str, Any]) -> None:
    if not body.get("dataStartTime") or not body.get("dataEndTime"):
        raise invalid_input("dataStartTime and dataEndTime are required for this report type.")
    options = body.get("reportOptions") or {}
    if "eventType" in options and options["eventType"] not in EVENT_TYPES:
        raise invalid_input("reportOptions: eventType is not valid.")


def _specification(body: object, persona_store_id: str) -> dict[str, Any]:
    """The checked body of createReport."""
    if not isinstance(body, dict):
        raise invalid_input("The request body is not valid.")
    kind, places = body.get("reportType"), body.get("marketplaceIds")
    if kind in UNREQUESTABLE:
        raise invalid_input(f"Report type {kind} cannot be requested.")
    if kind not in WRITERS:
        raise invalid_input("reportType is not valid.")
    if not isinstance(places, list) or not 1 <= len(places) <= 25:
        raise invalid_input("marketplaceIds must hold 1 to 25 marketplaces.")
    if any(one != persona_store_id for one in places):
        raise invalid_input("marketplaceIds holds a marketplace the seller does not take part in.")
    options = body.get("reportOptions") or {}
    if not all(isinstance(one, str) for pair in options.items() for one in pair):
        raise invalid_input("reportOptions must map text to text.")
    if kind in {LEDGER_DETAIL, LEDGER_SUMMARY}:
        _ledger_refusals(body)
    return {"kind": kind, "places": places, "options": options}


def _period(body: dict[str, Any], now: datetime) -> tuple[datetime, datetime]:
    """Amazon's default for both ends is now: a dated report without a start holds nothing."""
    start = moment(body["dataStartTime"], "dataStartTime") if body.get("dataStartTime") else now
    end = moment(body["dataEndTime"], "dataEndTime") if body.get("dataEndTime") else now
    if start > end:
        raise invalid_input("dataStartTime must not be after dataEndTime.")
    return max(start, now - timedelta(days=_LEDGER_MONTHS_DAYS)), end


class _Reports:
    """The five operations."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def _known(self, request: Request, caller: Caller) -> Document:
        report = queue.find(self._state, caller.persona, request.path_params["report_id"])
        if report is None:
            raise not_found("One or more of the provided ReportRequestIds could not be found.")
        return report

    async def create(self, request: Request, caller: Caller) -> Answer:
        """createReport."""
        try:
            body = json.loads(await request.body())
        except ValueError:
            raise invalid_input("The request body is not valid JSON.") from None
        asked = _specification(body, caller.persona.store.id)
        start, end = _period(body, self._state.clock.now())
        report = queue.enqueue(
            self._state,
            caller.persona,
            {
                "reportType": asked["kind"],
                "marketplaceIds": asked["places"],
                "options": {} if asked["kind"] in SNAPSHOTS else asked["options"],
                "start": start.isoformat(),
                "end": end.isoformat(),
            },
        )
        return Answer({"reportId": report["reportId"]}, 202)

    async def read(self, request: Request, caller: Caller) -> Answer:
        """getReport."""
        return Answer(queue.wire(self._state, self._known(request, caller)))

    async def cancel(self, request: Request, caller: Caller) -> Answer:
        """cancelReport: only before the work begins."""
        report = self._known(request, caller)
        if queue.status_of(self._state, report) != "IN_QUEUE":
            raise invalid_input("Only a report that is IN_QUEUE can be cancelled.")
        queue.keep(self._state, caller.persona, {**report, "cancelled": True})
        return Answer()

    async def listed(self, request: Request, caller: Caller) -> Answer:
        """getReports."""
        return Answer(_page(self._state, request, caller))

    async def document(self, request: Request, caller: Caller) -> Answer:
        """getReportDocument."""
        name = request.path_params["document_id"]
        report = queue.document(self._state, caller.persona, name)
        if report is None:
            raise not_found("The provided reportDocumentId could not be found.")
        shown = {"reportDocumentId": name, "url": signed_url(self._state, request, name)}
        if gzipped(report):
            shown["compressionAlgorithm"] = "GZIP"
        return Answer(shown)


def reports_router(state: SandboxState) -> APIRouter:
    """Create, watch, list, cancel; the document's address."""
    router, api = APIRouter(), _Reports(state)
    for path, method, operation, handler in (
        (f"{_BASE}/reports", "POST", "createReport", api.create),
        (f"{_BASE}/reports", "GET", "getReports", api.listed),
        (f"{_BASE}/reports/{{report_id}}", "GET", "getReport", api.read),
        (f"{_BASE}/reports/{{report_id}}", "DELETE", "cancelReport", api.cancel),
        (f"{_BASE}/documents/{{document_id}}", "GET", "getReportDocument", api.document),
    ):
        router.add_api_route(path, guarded(state, operation, handler), methods=[method])
    return router


def _page(state: SandboxState, request: Request, caller: Caller) -> dict[str, Any]:
    """One page of getReports: filters, or a nextToken alone."""
    query = request.query_params
    queue.add_settlements(state, caller.persona)
    if "nextToken" in query:
        if len(query) > 1:
            raise invalid_input("nextToken must be the only parameter.")
        kept = state.store.get(_TOKENS, query["nextToken"])
        if kept is None or kept["persona"] != caller.persona.key:
            raise invalid_input("nextToken is not valid.")
        ids, size = kept["ids"], kept["size"]
    else:
        ids, size = _filtered(state, request, caller), 10
        if "pageSize" in query:
            size = whole(query["pageSize"], "pageSize", low=1, high=100)
    reports = [queue.find(state, caller.persona, one) for one in ids[:size]]
    page: dict[str, Any] = {"reports": [queue.wire(state, one) for one in reports if one]}
    if len(ids) > size:
        token = state.token("page", 40)
        rest = {"persona": caller.persona.key, "ids": ids[size:], "size": size}
        state.store.put(_TOKENS, token, rest)
        page["nextToken"] = token
    return page


def _filtered(state: SandboxState, request: Request, caller: Caller) -> list[str]:
    types, query = many(request, "reportTypes"), request.query_params
    if not 1 <= len(types) <= 10:
        raise invalid_input("Either reportTypes (1 to 10) or nextToken is required.")
    statuses = many(request, "processingStatuses")
    if not set(statuses) <= _STATUSES:
        raise invalid_input("Invalid input in processing status")
    now = state.clock.now()
    oldest = now - timedelta(days=queue.KEPT_DAYS)
    since = moment(query["createdSince"], "createdSince") if "createdSince" in query else oldest
    until = moment(query["createdUntil"], "createdUntil") if "createdUntil" in query else now
    if since < oldest - timedelta(minutes=5):
        raise invalid_input("createdSince must lie within the last 90 days.")
    places = many(request, "marketplaceIds")
    return [
        one["reportId"]
        for one in queue.kept(state, caller.persona)
        if one["reportType"] in types
        and (not statuses or queue.status_of(state, one) in statuses)
        and (not places or set(places) & set(one["marketplaceIds"]))
        and since <= datetime.fromisoformat(one["createdTime"]) <= until
    ]
