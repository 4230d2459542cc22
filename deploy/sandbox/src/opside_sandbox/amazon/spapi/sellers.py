"""sellers v1."""

from fastapi import APIRouter, Request

from opside_sandbox.amazon.spapi.gate import Answer, Caller, guarded
from opside_sandbox.state import SandboxState


def sellers_router(state: SandboxState) -> APIRouter:
    """The connection test: where this account sells."""
    router = APIRouter()

    async def participations(_request: Request, caller: Caller) -> Answer:
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
        return Answer({"payload": [entry]})

    router.add_api_route(
        "/sellers/v1/marketplaceParticipations",
        guarded(state, "getMarketplaceParticipations", participations),
        methods=["GET"],
    )
    return router
