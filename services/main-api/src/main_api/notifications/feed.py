"""The seller's feed, and his choices."""

from main_api.notifications import queries
from main_api.notifications.rules import BY_EMAIL, Kind
from main_api.notifications.schemas import Feed, NotificationView, Preference
from opside_chassis.database import Sessions, transaction
from opside_chassis.pagination import PageQuery, decode_cursor, encode_cursor


async def read_feed(sessions: Sessions, *, user_id: str, unread: bool, page: PageQuery) -> Feed:
    """One page, newest first."""
    before = decode_cursor(page.cursor, parts=1)[0] if page.cursor else None
    async with transaction(sessions, tenant=user_id) as session:
        rows = await queries.notifications_page(
            session, user_id=user_id, unread=unread, before=before, limit=page.limit
        )
        waiting = await queries.unread_count(session, user_id)
    shown = rows[: page.limit]
    more = len(rows) > page.limit
    return Feed(
        items=[NotificationView.of(row) for row in shown],
        next_cursor=encode_cursor(shown[-1].id) if more else None,
        unread=waiting,
    )


async def mark_read(sessions: Sessions, *, user_id: str, up_to: str) -> int:
    """Everything up to this notice is read; answers how many were not."""
    async with transaction(sessions, tenant=user_id) as session:
        return await queries.mark_read(session, user_id=user_id, up_to=up_to)


async def read_preferences(sessions: Sessions, user_id: str) -> list[Preference]:
    """What holds for every kind."""
    async with transaction(sessions, tenant=user_id) as session:
        chosen = await queries.preferences_of(session, user_id)
    return [Preference(kind=kind, by_email=chosen.get(kind, kind in BY_EMAIL)) for kind in Kind]


async def change_preferences(
    sessions: Sessions, user_id: str, preferences: list[Preference]
) -> list[Preference]:
    """Store choices; of two for one kind the last counts."""
    last = {one.kind.value: one.by_email for one in preferences}
    async with transaction(sessions, tenant=user_id) as session:
        await queries.keep_preferences(session, user_id, list(last.items()))
    return await read_preferences(sessions, user_id)
