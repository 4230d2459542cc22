"""Calls to main-api; they raise `OpsideError`s, `Unavailable` when it is down."""

from opside_chassis.http_client import ServiceClient
from opside_contracts import scopes
from opside_contracts.accounts.messages import EventReceipt
from opside_contracts.events import Event


class AccountsClient:
    """main-api as seen from another service."""

    def __init__(self, http: ServiceClient) -> None:
        self._http = http

    async def publish(self, event: Event) -> EventReceipt:
        """Hand over one event; repeats are harmless, the receiver keeps one by its id."""
        return await self._http.request_as(
            EventReceipt,
            "POST",
            "/internal/events",
            scope=scopes.PUBLISH_EVENT,
            act_for=event.user_id,
            json=event.model_dump(mode="json", by_alias=True, exclude_none=True),
            idempotency_key=event.event_id,
        )
