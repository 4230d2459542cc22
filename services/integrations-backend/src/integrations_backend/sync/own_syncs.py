"""A user's own syncs: look at them, cancel one."""

from datetime import datetime

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.reports.kinds import LISTED_REPORTS
from integrations_backend.sync import queries
from integrations_backend.sync.coverage import SOURCES, coverage_of
from integrations_backend.sync.errors import NoSuchSync
from integrations_backend.sync.schemas import SyncCoverage, SyncStatistics, SyncStatus
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
        succeeded = await _last_successes(session, user_id)
    return SyncStatus.of(sync, reports, coverage_of(sync, reports, succeeded))


async def read_coverage(sessions: Sessions, *, user_id: str) -> SyncCoverage:
    """What the newest sync found, per source, and when each source was last read."""
    async with transaction(sessions, tenant=user_id) as session:
        newest = await queries.syncs_page(session, user_id=user_id, before=None, limit=1)
        sync = newest[0] if newest else None
        reports = (
            await queries.reports_of(session, user_id=user_id, sync_id=sync.id) if sync else []
        )
        succeeded = await _last_successes(session, user_id)
    return SyncCoverage(
        sync_id=sync.id if sync else None, sources=coverage_of(sync, reports, succeeded)
    )


async def list_syncs(sessions: Sessions, *, user_id: str, page: PageQuery) -> Page[SyncStatus]:
    """One page of syncs, newest first."""
    before = decode_cursor(page.cursor, parts=1)[0] if page.cursor else None
    async with transaction(sessions, tenant=user_id) as session:
        rows = await queries.syncs_page(session, user_id=user_id, before=before, limit=page.limit)
    shown = rows[: page.limit]
    more = len(rows) > page.limit
    return Page[SyncStatus](
        items=[SyncStatus.of(row, [], []) for row in shown],
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


async def _last_successes(session: AsyncSession, user_id: str) -> dict[str, datetime]:
    return await queries.last_successes(
        session, user_id=user_id, sources=SOURCES, listed=LISTED_REPORTS
    )
