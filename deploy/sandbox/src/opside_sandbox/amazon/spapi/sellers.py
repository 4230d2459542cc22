"""sellers v1."""

from typing import Any

from fastapi import APIRouter, Request

from opside_sandbox.amazon.spapi.gate import Answer, Caller, guarded
from opside_sandbox.state import SandboxState


def _account(caller: Caller, entries: list[dict[str, Any]]) -> dict[str, Any]:
    """A small company at a made-up address."""
    person, address = (
        caller.persona,
        {
            "addressLine1": "1 Dock Street",
            "addressLine2": "Unit 2",
            "city": "Springfield",
            "stateOrProvinceCode": "IL",
            "postalCode": "62701",
            "countryCode": caller.persona.store.country,
        },
    )
    return {
        "businessType": "PRIVATE_LIMITED",
        "marketplaceParticipationList": entries,
        "sellingPlan": "PROFESSIONAL",
        "business": {
            "name": person.store_name,
            "nonLatinName": person.store_name,
            "registeredBusinessAddress": address,
            "companyRegistrationNumber": "123456789",
            "companyTaxIdentificationNumber": "987654321",
        },
        "primaryContact": {"name": person.name, "nonLatinName": person.name, "address": address},
    }


def sellers_router(state: SandboxState) -> APIRouter:
    """The connection test: where this account sells."""
    router = APIRouter()

    def entries(caller: Caller) -> list[dict[str, Any]]:
        store = caller.persona.store
        entry = {
            "marketplace": {
                "id": store.id,
                "name": store.name,
                "countryCode": store.country,
                "defaultCurrencyCode": store.currency,
                "defaultLanguageCode": store.language,
                "domainName": store.domain,
            },
            "storeName": caller.persona.store_name,
            "participation": {"isParticipating": True, "hasSuspendedListings": False},
        }
        return [entry]

    async def participations(_request: Request, caller: Caller) -> Answer:
        return Answer({"payload": entries(caller)})

    async def account(_request: Request, caller: Caller) -> Answer:
        return Answer({"payload": _account(caller, entries(caller))})

    for path, operation, handler in (
        ("marketplaceParticipations", "getMarketplaceParticipations", participations),
        ("account", "getAccount", account),
    ):
        route = guarded(state, operation, handler)
        router.add_api_route(f"/sellers/v1/{path}", route, methods=["GET"])
    return router
