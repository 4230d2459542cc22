"""Facts for main-api, staged in the transaction that makes them true."""

from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.outbox import stage
from opside_contracts.events import Event

PUBLISH_EVENT = "publish_event"


async def publish(session: AsyncSession, event: Event) -> None:
    """Stage the event; the same event id is staged once."""
    await stage(
        session,
        PUBLISH_EVENT,
        event.model_dump(mode="json", by_alias=True),
        tenant=event.user_id,
        dedupe_key=f"{PUBLISH_EVENT}:{event.user_id}:{event.event_id}",
    )
