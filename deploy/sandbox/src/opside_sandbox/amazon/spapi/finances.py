"""Finances v0: events (shipments, refunds, adjustments, service fees) and their groups."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request

from opside_sandbox.amazon.cases.book import decide_due, view_of
from opside_sandbox.amazon.history.model import Order, Refund, Reimbursement
from opside_sandbox.amazon.history.periods import Period
from opside_sandbox.amazon.reports.settlement import (
    KINDS,
    SUBSCRIPTION_AFTER,
    body,
    carried,
    group_id,
    period_of,
    periods,
    subscription_row,
    total_minor,
)
from opside_sandbox.amazon.spapi.deferral import posted
from opside_sandbox.amazon.spapi.errors import invalid_input
from opside_sandbox.amazon.spapi.gate import Answer, Caller, guarded
from opside_sandbox.amazon.spapi.paging import place_of, token_for
from opside_sandbox.amazon.spapi.parameters import moment, whole
from opside_sandbox.amazon.view import View
from opside_sandbox.state import SandboxState

_MAX_RANGE = timedelta(days=180)
_NEWEST = timedelta(minutes=2)
_KEPT = timedelta(days=2 * 365)
_Event = tuple[datetime, str, dict[str, Any]]


def _amount(view: View, minor: int) -> dict[str, Any]:
    store = view.history.persona.store
    return {"CurrencyCode": store.currency, "CurrencyAmount": store.major(minor)}


def _charge(view: View, kind: str, minor: int) -> dict[str, Any]:
    return {"ChargeType": kind, "ChargeAmount": _amount(view, minor)}


def _fee(view: View, kind: str, minor: int) -> dict[str, Any]:
    return {"FeeType": kind, "FeeAmount": _amount(view, minor)}


def _shipment(view: View, one: Order) -> _Event:
    product = one.product
    item = {
        "SellerSKU": product.sku,
        "OrderItemId": one.item_code,
        "QuantityShipped": one.quantity,
        "ItemChargeList": [_charge(view, "Principal", product.price_minor * one.quantity)],
        "ItemFeeList": [
            _fee(view, "FBAPerUnitFulfillmentFee", -one.fulfilment_minor * one.quantity),
            _fee(view, "Commission", -product.referral_minor * one.quantity),
        ],
    }
    return one.at, "ShipmentEventList", {**_head(view, one, one.at), "ShipmentItemList": [item]}


def _refund(view: View, one: Refund) -> _Event:
    product = one.order.product
    item = {
        "SellerSKU": product.sku,
        "OrderItemId": one.order.item_code,
        "OrderAdjustmentItemId": one.item_id,
        "QuantityShipped": 1,
        "ItemChargeAdjustmentList": [_charge(view, "Principal", -product.price_minor)],
        "ItemFeeAdjustmentList": [_fee(view, "Commission", product.referral_minor)],
    }
    body = {**_head(view, one.order, one.at), "ShipmentItemAdjustmentList": [item]}
    return one.at, "RefundEventList", body


def _head(view: View, order: Order, at: datetime) -> dict[str, Any]:
    return {
        "AmazonOrderId": order.order_id,
        "SellerOrderId": order.order_id,
        "MarketplaceName": view.history.persona.store.name,
        "PostedDate": at.isoformat(),
    }


def _adjustment(view: View, one: Reimbursement) -> _Event:
    item = {
        "Quantity": str(abs(one.cash)),
        "PerUnitAmount": _amount(view, one.per_unit_minor),
        "TotalAmount": _amount(view, one.total_minor),
        "SellerSKU": one.product.sku,
        "FnSKU": one.product.fnsku,
        "ProductDescription": one.product.title,
        "ASIN": one.product.asin,
    }
    body = {
        "AdjustmentType": KINDS.get(one.reason, one.reason.upper()),
        "PostedDate": one.approved_at.isoformat(),
        "AdjustmentAmount": _amount(view, one.total_minor),
        "AdjustmentItemList": [item],
    }
    return one.approved_at, "AdjustmentEventList", body


def _service_fee(view: View, period: Period) -> _Event:
    row = subscription_row(view, period)
    fee = _fee(view, "Subscription", total_minor([row]))
    body = {"FeeReason": "Subscription", "FeeList": [fee]}
    return period.start + SUBSCRIPTION_AFTER, "ServiceFeeEventList", body


def _events(view: View) -> Iterator[_Event]:
    for order in view.within(view.history.orders):
        if posted(order, view.as_of):
            yield _shipment(view, order)
    yield from (_refund(view, one) for one in view.within(view.history.refunds))
    for one in view.reimbursements():
        if view.start <= one.approved_at <= view.end and one.total_minor:
            yield _adjustment(view, one)
    for period in periods(view, kept_days=_MAX_RANGE.days):
        if view.start <= period.start + SUBSCRIPTION_AFTER <= view.end:
            yield _service_fee(view, period)


def _group(view: View, period: Period) -> dict[str, Any]:
    """A settlement as a group of events; the one still open has neither end nor transfer."""
    rows, closed = list(body(view, period)), period.end <= view.as_of
    group = {
        "FinancialEventGroupId": group_id(period),
        "ProcessingStatus": "Closed" if closed else "Open",
        "OriginalTotal": _amount(view, total_minor(rows) - carried(view, period)),
        "BeginningBalance": _amount(view, -carried(view, period)),
        "FinancialEventGroupStart": period.start.isoformat(),
    }
    if closed:
        group |= {
            "FundTransferStatus": "Succeeded",
            "ConvertedTotal": group["OriginalTotal"],
            "FundTransferDate": (period.end + timedelta(days=2)).isoformat(),
            "TraceId": period.settlement_id,
            "AccountTail": "210",
            "FinancialEventGroupEnd": period.end.isoformat(),
        }
    return group


class _Finances:
    """The four operations."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def _view(self, caller: Caller, start: datetime, end: datetime) -> View:
        decide_due(self._state, caller.persona)
        return view_of(
            self._state, caller.persona, as_of=self._state.clock.now(), start=start, end=end
        )

    def _whole(self, caller: Caller) -> View:
        now = self._state.clock.now()
        return self._view(caller, now - _KEPT, now)

    def _asked(self, request: Request, caller: Caller) -> View:
        query, now = request.query_params, self._state.clock.now()
        if not query.get("PostedAfter"):
            raise invalid_input("PostedAfter is required.")
        start = moment(query["PostedAfter"], "PostedAfter")
        if start > now - _NEWEST:
            raise invalid_input("PostedAfter must be at least two minutes ago.")
        end = moment(query["PostedBefore"], "PostedBefore") if "PostedBefore" in query else now
        if end - start > _MAX_RANGE:
            end = start - timedelta(microseconds=1)
        return self._view(caller, start, min(end, now - _NEWEST))

    async def events(self, request: Request, caller: Caller) -> Answer:
        """listFinancialEvents."""
        return _page(request, list(_events(self._asked(request, caller))))

    async def of_group(self, request: Request, caller: Caller) -> Answer:
        """listFinancialEventsByGroupId."""
        whole, wanted = self._whole(caller), request.path_params["group_id"]
        found = [one for one in _groups(whole) if group_id(one) == wanted]
        if not found:
            raise invalid_input("eventGroupId is not valid.")
        view = replace(whole, start=found[0].start, end=found[0].end - timedelta(microseconds=1))
        return _page(request, list(_events(view)))

    async def of_order(self, request: Request, caller: Caller) -> Answer:
        """listFinancialEventsByOrderId."""
        order_id = request.path_params["order_id"]
        events = _events(self._whole(caller))
        return _page(request, [one for one in events if one[2].get("AmazonOrderId") == order_id])

    async def groups(self, request: Request, caller: Caller) -> Answer:
        """listFinancialEventGroups."""
        query, view = request.query_params, self._whole(caller)
        name = "FinancialEventGroupStarted"
        after, before = view.start, view.as_of
        if f"{name}After" in query:
            after = moment(query[f"{name}After"], f"{name}After")
        if f"{name}Before" in query:
            before = moment(query[f"{name}Before"], f"{name}Before")
        found = [one for one in _groups(view) if after <= one.start < before]
        size, place = _size(request), place_of(request, "NextToken")
        chosen = [_group(view, one) for one in found[place : place + size]]
        payload: dict[str, Any] = {"FinancialEventGroupList": chosen}
        if len(found) > place + size:
            payload["NextToken"] = token_for(request, "NextToken", place + size)
        return Answer({"payload": payload})


def _groups(view: View) -> list[Period]:
    """Newest first, the open one among them."""
    return [period_of(view, view.as_of), *reversed(periods(view, kept_days=_KEPT.days))]


def _size(request: Request) -> int:
    text = request.query_params.get("MaxResultsPerPage", "100")
    return whole(text, "MaxResultsPerPage", low=1, high=100)


def _page(request: Request, events: list[_Event]) -> Answer:
    """At most 100 events; after a full page comes an empty one with a token, as at Amazon."""
    size, place = _size(request), place_of(request, "NextToken")
    # Even places hold events, odd ones are the empty pages between them.
    first, is_empty = place // 2 * size, bool(place % 2)
    ordered = sorted(events, key=lambda one: (one[0], one[1]))
    lists: dict[str, list[dict[str, Any]]] = {}
    for _, name, shown in [] if is_empty else ordered[first : first + size]:
        lists.setdefault(name, []).append(shown)
    payload: dict[str, Any] = {"FinancialEvents": lists}
    if len(ordered) > first + size:
        payload["NextToken"] = token_for(request, "NextToken", place + 1)
    return Answer({"payload": payload})


def finances_router(state: SandboxState) -> APIRouter:
    """A range over 180 days holds no event."""
    router, api = APIRouter(), _Finances(state)
    for path, operation, handler in (
        ("/financialEvents", "listFinancialEvents", api.events),
        ("/financialEventGroups", "listFinancialEventGroups", api.groups),
        (
            "/financialEventGroups/{group_id}/financialEvents",
            "listFinancialEventsByGroupId",
            api.of_group,
        ),
        ("/orders/{order_id}/financialEvents", "listFinancialEventsByOrderId", api.of_order),
    ):
        route = guarded(state, operation, handler)
        router.add_api_route(f"/finances/v0{path}", route, methods=["GET"])
    return router
