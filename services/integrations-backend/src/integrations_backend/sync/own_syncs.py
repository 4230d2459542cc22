"""A user's own syncs: look at them, cancel one."""

from sqlalchemy import func

from integrations_backend.sync import queries
from integrations_backend.sync.errors import NoSuchSync
from integrations_backend.sync.schemas import SyncStatistics, SyncStatus
from opside_chassis.database import Sessions, transaction
from opside_chassis.pagination import Page, PageQuery, decode_cursor, encode_cursor


async def read_status(sessions: Sessions, *, user_id: str, sync_id: str) -> SyncStatus:
    """Where a sync is.

    Raises:
        NoSuchSync: unknown, or of somebody else.
    """
    async with transaction(sessions, tenant=user_id) as session:
        sync = await queries.sync_by_id(session, user_id=user_id, sync_id=sync_id)
        if sync is None:
            raise NoSuchSync("there is no such sync")
        reports = await queries.reports_of(session, user_id=user_id, sync_id=sync_id)
        return SyncStatus.of(sync, reports)


async def list_syncs(sessions: Sessions, *, user_id: str, page: PageQuery) -> Page[SyncStatus]:
    """One page of syncs, newest first."""
    before = decode_cursor(page.cursor, parts=1)[0] if page.cursor else None
    async with transaction(sessions, tenant=user_id) as session:
        rows = await queries.syncs_page(session, user_id=user_id, before=before, limit=page.limit)
    shown = rows[: page.limit]
    more = len(rows) > page.limit
    return Page[SyncStatus](
        items=[SyncStatus.of(row, []) for row in shown],
        next_cursor=encode_cursor(shown[-1].id) if more else None,
    )


async def cancel_sync(sessions: Sessions, *, user_id: str, sync_id: str) -> None:
    """Stop a running sync; what it read stays. One that ended already stays as it ended.

    Raises:
        NoSuchSync: unknown, or of somebody else.
    """
    async with transaction(sessions, tenant=user_id) as session:
        sync = await queries.sync_by_id(session, user_id=user_id, sync_id=sync_id, lock=True)
        if sync is None:
            raise NoSuchSync("there is no such sync")
        if sync.status == "running":
            sync.status = "cancelled"
            sync.finished_at = func.now()
            await session.flush()
            await queries.note(session, sync_id, {"step": "cancelled"})


async def read_statistics(sessions: Sessions, *, user_id: str) -> SyncStatistics:
    """How many syncs ended how, and when the last one did."""
    async with transaction(sessions, tenant=user_id) as session:
        return SyncStatistics(
            syncs=await queries.counts_by_status(session, user_id),
            last_finished_at=await queries.last_finished(session, user_id),
        )
