"""What the signed-in seller was told, and how he wants to be told."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from main_api.dependencies import Runtime, runtime
from main_api.notifications.feed import (
    change_preferences,
    mark_read,
    read_feed,
    read_preferences,
)
from main_api.notifications.schemas import Feed, FeedQuery, Preferences, PreferencesView, ReadUpTo
from opside_chassis import access
from opside_chassis.access import Caller

router = APIRouter()
Member = Annotated[Caller, Depends(access.member())]
Parts = Annotated[Runtime, Depends(runtime)]


@router.get("/api/notifications")
async def feed(
    caller: Member,
    parts: Parts,
    query: Annotated[FeedQuery, Query()],
) -> Feed:
    """The seller's feed, newest first; `unread=true` leaves out what he has read."""
    return await read_feed(
        parts.database.sessions, user_id=caller.user_id, unread=query.unread, page=query
    )


@router.post("/api/notifications/read", status_code=204)
async def read_up_to(body: ReadUpTo, caller: Member, parts: Parts) -> None:
    """Mark a notice and everything before it as read."""
    await mark_read(parts.database.sessions, user_id=caller.user_id, up_to=body.notification_id)


@router.get("/api/notifications/preferences")
async def preferences(caller: Member, parts: Parts) -> PreferencesView:
    """Which kinds come by e-mail."""
    held = await read_preferences(parts.database.sessions, caller.user_id)
    return PreferencesView(preferences=held, email_available=bool(parts.settings.mail_url))


@router.put("/api/notifications/preferences")
async def choose(body: Preferences, caller: Member, parts: Parts) -> PreferencesView:
    """Choose for some kinds whether they come by e-mail."""
    held = await change_preferences(parts.database.sessions, caller.user_id, body.preferences)
    return PreferencesView(preferences=held, email_available=bool(parts.settings.mail_url))
