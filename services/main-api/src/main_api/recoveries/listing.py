"""Reading recoveries."""

from datetime import datetime

from main_api.recoveries import queries
from main_api.recoveries.schemas import RecoveryView
from opside_chassis.database import Sessions, transaction
from opside_chassis.pagination import Page, PageQuery, decode_cursor, encode_cursor


async def list_recoveries(
    sessions: Sessions, *, user_id: str, page: PageQuery
) -> Page[RecoveryView]:
    """One page of the user's recoveries, newest first."""
    before = decode_cursor(page.cursor, parts=1)[0] if page.cursor else None
    async with transaction(sessions, tenant=user_id) as session:
        rows = await queries.recoveries_page(
            session, user_id=user_id, before=before, limit=page.limit
        )
        objections = await queries.objections_to(session, [row.id for row in rows])
    shown = rows[: page.limit]
    more = len(rows) > page.limit
    return Page[RecoveryView](
        items=[RecoveryView.of(row, objections.get(row.id)) for row in shown],
        next_cursor=encode_cursor(shown[-1].id) if more else None,
    )


async def recoveries_between(
    sessions: Sessions, *, user_id: str, start: datetime, end: datetime
) -> list[RecoveryView]:
    """The user's recoveries that Amazon approved from `start` until before `end`."""
    async with transaction(sessions, tenant=user_id) as session:
        rows = await queries.recoveries_between(session, user_id=user_id, start=start, end=end)
        objections = await queries.objections_to(session, [row.id for row in rows])
    return [RecoveryView.of(row, objections.get(row.id)) for row in rows]
