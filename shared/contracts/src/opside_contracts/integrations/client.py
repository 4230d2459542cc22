"""Calls to integrations-backend; they raise `OpsideError`s, `Unavailable` when it is down."""

from opside_chassis.http_client import ServiceClient
from opside_contracts import scopes
from opside_contracts.integrations.messages import SellerConsent, StartSellerConsent


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
