"""Finances v0: listFinancialEvents (shipments, refunds, adjustments)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request

from opside_sandbox.amazon.cases.book import decide_due, view_of
from opside_sandbox.amazon.history.model import Order, Refund, Reimbursement
from opside_sandbox.amazon.reports.settlement import KINDS
from opside_sandbox.amazon.spapi.errors import invalid_input
from opside_sandbox.amazon.spapi.gate import Answer, Caller, guarded
from opside_sandbox.amazon.spapi.parameters import moment, whole
from opside_sandbox.amazon.view import View
from opside_sandbox.state import SandboxState

_MAX_RANGE = timedelta(days=180)
_NEWEST = timedelta(minutes=2)
_Event = tuple[datetime, str, dict[str, Any]]


def _amount(view: View, minor: int) -> dict[str, Any]:
    return {"CurrencyCode": view.history.persona.store.currency, "CurrencyAmount": minor / 100}


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
            _fee(view, "FBAPerUnitFulfillmentFee", -product.fulfilment_minor * one.quantity),
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


def _events(view: View) -> Iterator[_Event]:
    yield from (_shipment(view, one) for one in view.within(view.history.orders))
    yield from (_refund(view, one) for one in view.within(view.history.refunds))
    for one in view.reimbursements():
        if view.start <= one.approved_at <= view.end and one.total_minor:
            yield _adjustment(view, one)


def finances_router(state: SandboxState) -> APIRouter:
    """A page holds at most 100 events; a range over 180 days holds none."""
    router = APIRouter()

    def asked(request: Request, caller: Caller) -> View:
        query, now = request.query_params, state.clock.now()
        if not query.get("PostedAfter"):
            raise invalid_input("PostedAfter is required.")
        start = moment(query["PostedAfter"], "PostedAfter")
        if start > now - _NEWEST:
            raise invalid_input("PostedAfter must be at least two minutes ago.")
        end = moment(query["PostedBefore"], "PostedBefore") if "PostedBefore" in query else now
        end = min(end, now - _NEWEST)
        if end - start > _MAX_RANGE:
            end = start - timedelta(microseconds=1)
        decide_due(state)
        return view_of(state, caller.persona, as_of=now, start=start, end=end)

    async def read(request: Request, caller: Caller) -> Answer:
        query = request.query_params
        view = asked(request, caller)
        size = whole(query.get("MaxResultsPerPage", "100"), "MaxResultsPerPage", low=1, high=100)
        token = query.get("NextToken", "")
        # The token is a place in the same question: asked with other arguments it means nothing.
        place = whole(token.removeprefix("place-"), "NextToken", low=0, high=10**9) if token else 0
        events = sorted(_events(view), key=lambda one: (one[0], one[1]))
        lists: dict[str, list[dict[str, Any]]] = {}
        for _, name, body in events[place : place + size]:
            lists.setdefault(name, []).append(body)
        payload: dict[str, Any] = {"FinancialEvents": lists}
        if len(events) > place + size:
            payload["NextToken"] = f"place-{place + size}"
        return Answer({"payload": payload})

    router.add_api_route(
        "/finances/v0/financialEvents",
        guarded(state, "listFinancialEvents", read),
        methods=["GET"],
    )
    return router
