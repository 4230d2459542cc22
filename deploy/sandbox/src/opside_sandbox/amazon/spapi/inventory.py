"""FBA inventory v1: summaries."""

from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request

from opside_sandbox.amazon.cases.book import whole_view
from opside_sandbox.amazon.reports.stock import receiving, stock
from opside_sandbox.amazon.spapi.errors import invalid_input
from opside_sandbox.amazon.spapi.gate import Answer, Caller, guarded
from opside_sandbox.amazon.spapi.parameters import many
from opside_sandbox.amazon.view import View
from opside_sandbox.state import SandboxState

PAGE_SIZE = 25
TOKEN_SECONDS = 30
_TOKENS = "amazon.inventory_tokens"
_UNSELLABLE = {
    "customerDamagedQuantity": "CUSTOMER_DAMAGED",
    "warehouseDamagedQuantity": "WAREHOUSE_DAMAGED",
    "distributorDamagedQuantity": "DISTRIBUTOR_DAMAGED",
    "carrierDamagedQuantity": "CARRIER_DAMAGED",
    "defectiveQuantity": "DEFECTIVE",
    "expiredQuantity": "EXPIRED",
}


def _details(units: dict[str, int], coming: int) -> dict[str, Any]:
    bad = {name: units.get(disposition, 0) for name, disposition in _UNSELLABLE.items()}
    names = ("ShortTerm", "MidTerm", "LongTerm")
    return {
        "fulfillableQuantity": units.get("SELLABLE", 0),
        "inboundWorkingQuantity": 0,
        "inboundShippedQuantity": 0,
        "inboundReceivingQuantity": coming,
        "reservedQuantity": {
            "totalReservedQuantity": 0,
            "pendingCustomerOrderQuantity": 0,
            "pendingTransshipmentQuantity": 0,
            "fcProcessingQuantity": 0,
        },
        "researchingQuantity": {
            "totalResearchingQuantity": 0,
            "researchingQuantityBreakdown": [
                {"name": f"researchingQuantityIn{name}", "quantity": 0} for name in names
            ],
        },
        "unfulfillableQuantity": {"totalUnfulfillableQuantity": sum(bad.values()), **bad},
    }


def _offset(state: SandboxState, token: str | None) -> int:
    if not token:
        return 0
    kept = state.store.get(_TOKENS, token)
    if kept is None or state.clock.now() >= datetime.fromisoformat(kept["until"]):
        raise invalid_input("The nextToken is invalid or has expired.")
    return int(kept["offset"])


def _next_token(state: SandboxState, place: int) -> str:
    token = state.token("inventory", 40)
    until = state.clock.now() + timedelta(seconds=TOKEN_SECONDS)
    state.store.put(_TOKENS, token, {"offset": place, "until": until.isoformat()})
    return token


def _summaries(view: View, skus: set[str], *, detailed: bool) -> list[dict[str, Any]]:
    history, units = view.history, stock(view)
    coming = receiving(history)
    mine: dict[str, dict[str, int]] = {}
    for (fnsku, disposition), count in units.items():
        mine.setdefault(fnsku, {})[disposition] = count
    found = []
    for one in history.products:
        if skus and one.sku not in skus:
            continue
        held = mine.get(one.fnsku, {})
        entry: dict[str, Any] = {
            "asin": one.asin,
            "fnSku": one.fnsku,
            "sellerSku": one.sku,
            "condition": "NewItem",
            "lastUpdatedTime": f"{history.born.isoformat()}T00:00:00Z",
            "productName": one.title,
            "totalQuantity": sum(held.values()) + coming[one.fnsku],
            "stores": [],
        }
        if detailed:
            entry["inventoryDetails"] = _details(held, coming[one.fnsku])
        found.append(entry)
    return found


def inventory_router(state: SandboxState) -> APIRouter:
    """getInventorySummaries."""
    router = APIRouter()

    async def read(request: Request, caller: Caller) -> Answer:
        query, store = request.query_params, caller.persona.store
        if query.get("granularityType") != "Marketplace":
            raise invalid_input("granularityType must be Marketplace.")
        if query.get("granularityId") != store.id or many(request, "marketplaceIds") != [store.id]:
            raise invalid_input("granularityId and marketplaceIds must name one marketplace.")
        skus = set(many(request, "sellerSkus"))
        if len(skus) > 50:
            raise invalid_input("sellerSkus holds at most 50 SKUs.")
        start = _offset(state, query.get("nextToken"))
        detailed = query.get("details", "").lower() == "true"
        found = _summaries(whole_view(state, caller.persona), skus, detailed=detailed)
        body: dict[str, Any] = {
            "payload": {
                "granularity": {"granularityType": "Marketplace", "granularityId": store.id},
                "inventorySummaries": found[start : start + PAGE_SIZE],
            }
        }
        if len(found) > start + PAGE_SIZE:
            body["pagination"] = {"nextToken": _next_token(state, start + PAGE_SIZE)}
        return Answer(body)

    router.add_api_route(
        "/fba/inventory/v1/summaries",
        guarded(state, "getInventorySummaries", read),
        methods=["GET"],
    )
    return router
