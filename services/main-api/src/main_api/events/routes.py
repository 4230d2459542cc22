"""Where the other services hand over their events."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends

from main_api.dependencies import sessions
from main_api.events.apply import APPLY_EVENT
from opside_chassis import access
from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import Forbidden
from opside_chassis.inbox import InboxEvent, receive
from opside_chassis.service_token import ServiceIdentity
from opside_contracts import scopes
from opside_contracts.accounts.messages import EventReceipt
from opside_contracts.events import Event

router = APIRouter()

_SENDERS = {
    "recovery.confirmed": "integrations-backend",
    "recovery.reversed": "integrations-backend",
    "connection.changed": "integrations-backend",
    "cases.found": "integrations-backend",
    "commission.changed": "stripe-payments",
}
"""Who may tell what: a stolen key of one service cannot speak for another."""


@router.post("/internal/events", status_code=202)
async def publish_event(
    event: Annotated[Event, Body()],
    service: Annotated[ServiceIdentity, Depends(access.service_only(scopes.PUBLISH_EVENT))],
    database: Annotated[Sessions, Depends(sessions)],
) -> EventReceipt:
    """Store one event; a repeat of its id is answered alike and has no second effect."""
    if _SENDERS[event.type] != service.service:
        raise Forbidden(f"{service.service} does not send {event.type}")
    if service.act_for != event.user_id:
        raise Forbidden("the event speaks of another user than the token")
    stored = InboxEvent(
        source=service.service,
        account=event.user_id,
        event_id=event.event_id,
        type=event.type,
        payload=event.model_dump(mode="json", by_alias=True),
    )
    async with transaction(database) as session:
        fresh = await receive(session, stored, kind=APPLY_EVENT)
    return EventReceipt(event_id=event.event_id, repeated=not fresh)
