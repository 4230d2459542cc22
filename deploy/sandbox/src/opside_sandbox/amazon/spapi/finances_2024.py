"""Finances 2024-06-19: listTransactions, listBalances, listSummary."""

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from typing import Any

from fastapi import APIRouter, Request

from opside_sandbox.amazon.cases.book import decide_due, view_of
from opside_sandbox.amazon.reports.settlement import group_id, period_of, periods
from opside_sandbox.amazon.spapi import transactions as book
from opside_sandbox.amazon.spapi.errors import SpApiError
from opside_sandbox.amazon.spapi.gate import Answer, Caller, guarded
from opside_sandbox.amazon.spapi.paging import place_of, token_for
from opside_sandbox.amazon.spapi.parameters import many, moment
from opside_sandbox.amazon.spapi.transactions import Transaction, currency
from opside_sandbox.amazon.view import View
from opside_sandbox.state import SandboxState

PAGE_SIZE = 100
_KEPT = timedelta(days=730)
_MAX_RANGE = timedelta(days=180)
_NEWEST = timedelta(minutes=2)
_STATUSES = {book.DEFERRED, book.RELEASED, book.DEFERRED_RELEASED}
_ACCOUNT = "Standard Orders"


def _invalid(details: str) -> SpApiError:
    return SpApiError(400, "InvalidInput", details, details)


def _day(text: str, name: str) -> datetime:
    return datetime.combine(moment(text, name).date(), time(), UTC)


class _Finances:
    """The three operations."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def _view(self, caller: Caller, start: datetime, end: datetime) -> View:
        decide_due(self._state, caller.persona)
        now = self._state.clock.now()
        return view_of(self._state, caller.persona, as_of=now, start=start, end=end)

    def _whole(self, caller: Caller) -> View:
        now = self._state.clock.now()
        return self._view(caller, now - _KEPT, now)

    def _of_period(self, request: Request, caller: Caller) -> list[Transaction]:
        query, now = request.query_params, self._state.clock.now()
        if not query.get("postedAfter"):
            raise _invalid("Start date cannot be null")
        start, newest = moment(query["postedAfter"], "postedAfter"), now - _NEWEST
        end = moment(query["postedBefore"], "postedBefore") if "postedBefore" in query else newest
        if start > newest or end > newest + timedelta(seconds=1) or end < start:
            raise _invalid("Dates must lie two minutes back and follow each other")
        if end - start > _MAX_RANGE:
            return []
        found = book.transactions(self._view(caller, start, end))
        return [one for one in found if one.at < end]

    def _related(self, request: Request, caller: Caller) -> list[Transaction]:
        query, view = request.query_params, self._whole(caller)
        name, value = query["relatedIdentifierName"], query.get("relatedIdentifierValue")
        if not value or name not in {"ORDER_ID", "FINANCIAL_EVENT_GROUP_ID"}:
            raise _invalid("The related identifier cannot be used as a filter")
        found = book.transactions(view)
        if name == "ORDER_ID":
            return [one for one in found if one.order_id == value]
        return [one for one in found if group_id(period_of(view, one.at)) == value]

    async def transactions(self, request: Request, caller: Caller) -> Answer:
        """listTransactions."""
        query = request.query_params
        if query.get("marketplaceId", caller.persona.store.id) != caller.persona.store.id:
            raise _invalid("Invalid marketplace")
        status = query.get("transactionStatus")
        if status is not None and status not in _STATUSES:
            raise _invalid("Invalid transaction status")
        related = "relatedIdentifierName" in query
        found = self._related(request, caller) if related else self._of_period(request, caller)
        chosen = [one for one in found if status in {None, one.status}]
        place, view = place_of(request, "nextToken"), self._whole(caller)
        page = [book.wire(view, one) for one in chosen[place : place + PAGE_SIZE]]
        payload: dict[str, Any] = {"transactions": page}
        if len(chosen) > place + PAGE_SIZE:
            payload["nextToken"] = token_for(request, "nextToken", place + PAGE_SIZE)
        return Answer({"payload": payload})

    def _at_home(self, request: Request, caller: Caller) -> None:
        places = many(request, "marketplaceIds")
        if places and places != [caller.persona.store.id]:
            raise _invalid("Invalid input")

    async def balances(self, request: Request, caller: Caller) -> Answer:
        """listBalances: what is neither paid out nor free yet."""
        self._at_home(request, caller)
        query, now = request.query_params, self._state.clock.now()
        as_of = now
        if "asOfDate" in query:
            as_of = min(now, _day(query["asOfDate"], "asOfDate") + timedelta(days=1))
        shown = _balances(self._whole(caller), as_of)
        wanted = query.get("balanceType", "TOTAL")
        found = [one for one in _flat(shown) if one["balanceType"] == wanted]
        if not found:
            raise _invalid("Invalid input")
        when = {"lastUpdatedTime": now.isoformat(timespec="seconds")}
        if "asOfDate" in query:
            # The official example shows a bare day here, the model asks for a date-time.
            when = {"asOfDate": _day(query["asOfDate"], "asOfDate").isoformat()}
        return Answer({"balances": [{**_partner(caller), **one, **when} for one in found]})

    async def summary(self, request: Request, caller: Caller) -> Answer:
        """listSummary: of a settlement, or of days (both ends included)."""
        self._at_home(request, caller)
        query, view = request.query_params, self._whole(caller)
        if "relatedIdentifierName" in query:
            wanted = query.get("relatedIdentifierValue")
            known = [one for one in periods(view, kept_days=730) if one.settlement_id == wanted]
            if query["relatedIdentifierName"] != "SETTLEMENT_ID" or not known:
                raise _invalid("Invalid input")
            start, end = known[0].start, known[0].end
        elif "periodStart" in query and "periodEnd" in query:
            start = _day(query["periodStart"], "periodStart")
            end = _day(query["periodEnd"], "periodEnd") + timedelta(days=1)
        else:
            raise _invalid("Invalid input")
        # A deferred sale counts once: on the day of the sale.
        counted = [
            one
            for one in book.transactions(view)
            if start <= one.at < end and not (one.matures and one.status == book.RELEASED)
        ]
        shown = {**_partner(caller), **_summed(view, counted)}
        shown |= {"periodStart": start.isoformat(), "periodEnd": end.isoformat()}
        if "relatedIdentifierName" in query:
            identifier = {
                "relatedIdentifierName": "SETTLEMENT_ID",
                "relatedIdentifierValue": query["relatedIdentifierValue"],
            }
            shown["relatedIdentifiers"] = [identifier]
        return Answer({"summaries": [shown]})


def _partner(caller: Caller) -> dict[str, Any]:
    persona = caller.persona
    metadata = {
        "partnerId": persona.seller_id,
        "accountType": _ACCOUNT,
        "marketplaceId": persona.store.id,
    }
    return {"partnerMetadata": metadata}


def _balances(view: View, as_of: datetime) -> dict[str, Any]:
    start = period_of(view, as_of).start
    available = deferred = 0
    for one in book.transactions(view):
        if one.at > as_of:
            continue
        held = one.matures is not None and one.matures > as_of
        if held and one.status != book.RELEASED:
            deferred += one.total_minor
        elif one.at >= start and one.status != book.DEFERRED_RELEASED:
            available += one.total_minor

    def entry(kind: str, minor: int, *parts: dict[str, Any]) -> dict[str, Any]:
        shown: dict[str, Any] = {"balanceType": kind, "amount": currency(view, minor)}
        return {**shown, "balances": list(parts)} if parts else shown

    reserved = entry(
        "RESERVED", deferred, entry("DEFERRED", deferred), entry("ACCOUNT_LEVEL_RESERVE", 0)
    )
    return entry("TOTAL", available + deferred, entry("AVAILABLE", available), reserved)


def _flat(balance: dict[str, Any]) -> list[dict[str, Any]]:
    return [balance, *(one for part in balance.get("balances", []) for one in _flat(part))]


def _summed(view: View, found: list[Transaction]) -> dict[str, Any]:
    """Net proceeds, and where they came from: sales, refunds, expenses, the rest."""
    parts: dict[str, Counter[str]] = {}
    for one in found:
        for name, minor in one.sums().items():
            whole = "Refunds" if one.kind == "Refund" else "Sales"
            whole = "Expenses" if name == "AmazonFees" or one.kind == "ServiceFee" else whole
            whole = "Other" if one.kind == "Adjustment" else whole
            parts.setdefault(whole, Counter())[name] += minor

    def entry(name: str, minor: int, below: list[dict[str, Any]]) -> dict[str, Any]:
        amount = currency(view, minor)
        return {"breakdownType": name, "breakdownAmount": amount, "breakdowns": below}

    return {
        "netProceeds": currency(view, sum(one.total_minor for one in found)),
        "breakdowns": [
            entry(name, sum(below.values()), [entry(key, n, []) for key, n in below.items()])
            for name, below in parts.items()
        ],
    }


def finances_2024_router(state: SandboxState) -> APIRouter:
    """The three operations."""
    router, api = APIRouter(), _Finances(state)
    for path, operation, handler in (
        ("transactions", "listTransactions", api.transactions),
        ("balances", "listBalances", api.balances),
        ("summary", "listSummary", api.summary),
    ):
        route = guarded(state, operation, handler)
        router.add_api_route(f"/finances/2024-06-19/{path}", route, methods=["GET"])
    return router
