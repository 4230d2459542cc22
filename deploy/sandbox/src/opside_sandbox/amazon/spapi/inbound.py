"""Fulfillment inbound v0: shipments and their items."""

from typing import Any

from fastapi import APIRouter, Request

from opside_sandbox.amazon.history.generate import history_of
from opside_sandbox.amazon.history.model import InboundLine, InboundShipment
from opside_sandbox.amazon.spapi.errors import SpApiError
from opside_sandbox.amazon.spapi.gate import Answer, Caller, guarded
from opside_sandbox.amazon.spapi.parameters import many, moment
from opside_sandbox.state import SandboxState

_BASE = "/fba/inbound/v0"
_PAGE_SIZE = 50
_TOKENS = "amazon.inbound_tokens"
_FROM = {
    "US": ("1 Dock Street", "Springfield", "IL", "62701"),
    "GB": ("1 Dock Street", "Leeds", "West Yorkshire", "LS1 4AP"),
}


def _bad() -> SpApiError:
    return SpApiError(400, "Invalid Input", "Data is invalid. Please check.", None)


def _shipment(one: InboundShipment, country: str) -> dict[str, Any]:
    line, city, region, code = _FROM.get(country, _FROM["US"])
    return {
        "ShipmentId": one.shipment_id,
        "ShipmentName": f"FBA ({one.created:%m/%d/%y, %I:%M %p}) - 1",
        "ShipFromAddress": {
            "Name": "Main warehouse", "AddressLine1": line, "City": city,
            "StateOrProvinceCode": region, "CountryCode": country, "PostalCode": code,
        },
        "DestinationFulfillmentCenterId": one.centre,
        "ShipmentStatus": one.status,
        "LabelPrepType": "SELLER_LABEL",
        "AreCasesRequired": False,
        "BoxContentsSource": "INTERACTIVE",
    }  # fmt: skip


def _item(line: InboundLine) -> dict[str, Any]:
    """A third of the products must be bagged."""
    bagged = line.product.index % 3 == 0
    prep = [{"PrepInstruction": "Polybagging", "PrepOwner": "SELLER"}] if bagged else []
    return {
        "ShipmentId": line.shipment_id,
        "SellerSKU": line.product.sku,
        "FulfillmentNetworkSKU": line.product.fnsku,
        "QuantityShipped": line.shipped,
        "QuantityReceived": line.received,
        "QuantityInCase": 0,
        "PrepDetailsList": prep,
    }


class _Inbound:
    """The operations; a page's rest waits in the store behind a token."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def _updated_within(self, request: Request, caller: Caller) -> list[InboundShipment]:
        query = request.query_params
        after = moment(query.get("LastUpdatedAfter", ""), "LastUpdatedAfter")
        before = moment(query.get("LastUpdatedBefore", ""), "LastUpdatedBefore")
        shipments = history_of(self._state, caller.persona).shipments
        return [one for one in shipments if after <= one.first_receipt <= before]

    def _page(self, caller: Caller, entries: list[Any], name: str) -> Answer:
        body: dict[str, Any] = {name: entries[:_PAGE_SIZE]}
        if len(entries) > _PAGE_SIZE:
            token = self._state.token("inbound", 60)
            kept = {"persona": caller.persona.key, "name": name, "entries": entries[_PAGE_SIZE:]}
            self._state.store.put(_TOKENS, token, kept)
            body["NextToken"] = token
        return Answer({"payload": body})

    def _following(self, request: Request, caller: Caller, name: str) -> Answer:
        kept = self._state.store.get(_TOKENS, request.query_params.get("NextToken", ""))
        if kept is None or kept["persona"] != caller.persona.key or kept["name"] != name:
            raise _bad()
        return self._page(caller, kept["entries"], name)

    async def shipments(self, request: Request, caller: Caller) -> Answer:
        """getShipments."""
        kind = _query_type(request, caller, {"SHIPMENT", "DATE_RANGE", "NEXT_TOKEN"})
        if kind == "NEXT_TOKEN":
            return self._following(request, caller, "ShipmentData")
        statuses, ids = many(request, "ShipmentStatusList"), many(request, "ShipmentIdList")
        if kind == "SHIPMENT" and not (statuses or ids):
            raise _bad()
        found = history_of(self._state, caller.persona).shipments
        if kind == "DATE_RANGE":
            found = self._updated_within(request, caller)
        entries = [
            _shipment(one, caller.persona.store.country)
            for one in found
            if (not statuses or one.status in statuses) and (not ids or one.shipment_id in ids)
        ]
        return self._page(caller, entries, "ShipmentData")

    async def items(self, request: Request, caller: Caller) -> Answer:
        """getShipmentItems."""
        if _query_type(request, caller, {"DATE_RANGE", "NEXT_TOKEN"}) == "NEXT_TOKEN":
            return self._following(request, caller, "ItemData")
        ids = {one.shipment_id for one in self._updated_within(request, caller)}
        lines = history_of(self._state, caller.persona).inbound_lines
        entries = [_item(line) for line in lines if line.shipment_id in ids]
        return self._page(caller, entries, "ItemData")

    async def items_of(self, request: Request, caller: Caller) -> Answer:
        """getShipmentItemsByShipmentId."""
        shipment_id = request.path_params["shipment_id"]
        lines = history_of(self._state, caller.persona).inbound_lines
        entries = [_item(line) for line in lines if line.shipment_id == shipment_id]
        if not entries:
            raise _bad()
        return Answer({"payload": {"ItemData": entries}})


def _query_type(request: Request, caller: Caller, kinds: set[str]) -> str:
    query = request.query_params
    kind = query.get("QueryType", "")
    if query.get("MarketplaceId") != caller.persona.store.id or kind not in kinds:
        raise _bad()
    return kind


def inbound_router(state: SandboxState) -> APIRouter:
    """getShipments, getShipmentItems, getShipmentItemsByShipmentId."""
    router, api = APIRouter(), _Inbound(state)
    for path, operation, handler in (
        ("/shipments", "getShipments", api.shipments),
        ("/shipmentItems", "getShipmentItems", api.items),
        ("/shipments/{shipment_id}/items", "getShipmentItemsByShipmentId", api.items_of),
    ):
        router.add_api_route(_BASE + path, guarded(state, operation, handler), methods=["GET"])
    return router
