"""All SQL about syncs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.sync.models import SyncJob, SyncReport


async def insert_sync(session: AsyncSession, values: dict[str, Any]) -> bool:
    """Start a sync unless one of this seller runs; False when one does."""
    statement = (
        insert(SyncJob)
        .values(values)
        .on_conflict_do_nothing(index_elements=["user_id"], index_where=text("status = 'running'"))
        .returning(SyncJob.id)
    )
    return (await session.execute(statement)).first() is not None


async def running_sync(session: AsyncSession, user_id: str) -> SyncJob | None:
    """The seller's running sync."""
    query = select(SyncJob).where(SyncJob.user_id == user_id, SyncJob.status == "running")
    return (await session.scalars(query)).one_or_none()


async def add_reports(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Reports to fetch; those that are known stay as they are."""
    if rows:
        await session.execute(insert(SyncReport).values(list(rows)).on_conflict_do_nothing())


async def sync_by_id(
    session: AsyncSession, *, user_id: str, sync_id: str, lock: bool = False
) -> SyncJob | None:
    """A sync of this user."""
    query = select(SyncJob).where(SyncJob.user_id == user_id, SyncJob.id == sync_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(query)).one_or_none()


async def reports_of(session: AsyncSession, *, user_id: str, sync_id: str) -> list[SyncReport]:
    """The reports of a sync."""
    query = select(SyncReport).where(SyncReport.user_id == user_id, SyncReport.sync_id == sync_id)
    return list(await session.scalars(query.order_by(SyncReport.report_key)))


async def change_report(
    session: AsyncSession, *, sync_id: str, report_key: str, **values: object
) -> None:
    """Store how far a report is."""
    await session.execute(
        update(SyncReport)
        .where(SyncReport.sync_id == sync_id, SyncReport.report_key == report_key)
        .values(**values)
    )


async def unread_report(
    session: AsyncSession,
    *,
    user_id: str,
    report_type: str,
    marketplace_id: str,
    asked_since: datetime,
) -> str | None:
    """The id of the newest report that an ended sync asked for and did not read."""
    query = (
        select(SyncReport.report_id)
        .join(SyncJob, SyncJob.id == SyncReport.sync_id)
        .where(
            SyncReport.user_id == user_id,
            SyncReport.report_type == report_type,
            SyncReport.state.in_(("requested", "ready")),
            SyncJob.status != "running",
            SyncJob.marketplace_id == marketplace_id,
            SyncJob.started_at > asked_since,
        )
        .order_by(SyncReport.sync_id.desc())
        .limit(1)
    )
    return (await session.scalars(query)).first()


@dataclass(frozen=True, slots=True)
class LastRead:
    """The sync that read a source last."""

    sync_id: str
    started_at: datetime


async def last_read(
    session: AsyncSession,
    *,
    user_id: str,
    report_type: str,
    marketplace_id: str,
    with_rows: bool = False,
) -> LastRead | None:
    """The last sync that read a type, or heard that there is nothing; `with_rows`, that read a file."""
    query = (
        select(SyncJob.id, SyncJob.started_at)
        .join(SyncReport, SyncJob.id == SyncReport.sync_id)
        .where(
            SyncReport.user_id == user_id,
            SyncReport.report_type == report_type,
            SyncReport.state.in_(("read",) if with_rows else ("read", "no_data")),
            SyncJob.marketplace_id == marketplace_id,
        )
        .order_by(SyncReport.sync_id.desc())
        .limit(1)
    )
    if with_rows:
        query = query.where(SyncReport.document_id.is_not(None))
    row = (await session.execute(query)).first()
    return LastRead(row.id, row.started_at) if row is not None else None


async def read_of_last_list(
    session: AsyncSession, *, user_id: str, sync_id: str, listed: str
) -> dict[str, dict[str, int]]:
    """Rows and rejected of each report that the list of the sync before had, and that was read."""
    last = (
        select(func.max(SyncReport.sync_id))
        .where(
            SyncReport.user_id == user_id,
            SyncReport.report_type == listed,
            SyncReport.sync_id < sync_id,
        )
        .scalar_subquery()
    )
    query = select(SyncReport).where(
        SyncReport.user_id == user_id, SyncReport.sync_id == last, SyncReport.state == "read"
    )
    return {
        one.report_key: {"rows": one.rows, "rejected": one.rejected}
        for one in await session.scalars(query)
        if one.report_key.startswith(f"{one.report_type}:")
    }


# The newest sync of the user that read a source, or heard that there is nothing. A source that is
# listed gives nothing but the list when it has no file.
_SUCCEEDED = text(
    """
    SELECT t.source, j.started_at
      FROM unnest(CAST(:sources AS text[])) t(source)
      CROSS JOIN LATERAL (
          SELECT r.sync_id FROM sync_reports r
           WHERE r.user_id = :user_id
             AND r.report_type = CASE WHEN t.source = ANY(CAST(:listed AS text[]))
                                      THEN 'listed' ELSE t.source END
             AND r.state IN ('read', 'no_data')
             AND NOT EXISTS (
                 SELECT 1 FROM sync_reports bad
                  WHERE bad.sync_id = r.sync_id AND bad.report_type = t.source
                    AND bad.state NOT IN ('read', 'no_data'))
           ORDER BY r.sync_id DESC LIMIT 1) last
      JOIN sync_jobs j ON j.user_id = :user_id AND j.id = last.sync_id
    """
)


async def last_successes(
    session: AsyncSession, *, user_id: str, sources: Sequence[str], listed: Sequence[str]
) -> dict[str, datetime]:
    """Source -> begin of the last sync that read all of it."""
    values = {"user_id": user_id, "sources": list(sources), "listed": list(listed)}
    rows = await session.execute(_SUCCEEDED, values)
    return {row.source: row.started_at for row in rows}


_NOTE = text(
    """
    UPDATE sync_jobs SET updated_at = now(), audit = jsonb_set(audit, '{entries}',
        (audit->'entries') || jsonb_build_array(CAST(:entry AS jsonb)
                                                || jsonb_build_object('at', now())))
     WHERE id = :id
    """
)


async def note(session: AsyncSession, sync_id: str, entry: dict[str, Any]) -> None:
    """Append to a sync's audit."""
    await session.execute(_NOTE, {"id": sync_id, "entry": json.dumps(entry)})


async def syncs_page(
    session: AsyncSession, *, user_id: str, before: str | None, limit: int
) -> list[SyncJob]:
    """A user's syncs, newest first, one more than asked."""
    query = select(SyncJob).where(SyncJob.user_id == user_id)
    if before is not None:
        query = query.where(SyncJob.id < before)
    return list(await session.scalars(query.order_by(SyncJob.id.desc()).limit(limit + 1)))


async def counts_by_status(session: AsyncSession, user_id: str) -> dict[str, int]:
    """How many syncs of a user ended how."""
    query = (
        select(SyncJob.status, func.count())
        .where(SyncJob.user_id == user_id)
        .group_by(SyncJob.status)
    )
    return {str(status): int(count) for status, count in await session.execute(query)}


async def last_finished(session: AsyncSession, user_id: str) -> datetime | None:
    """When a sync of the user was last finished."""
    query = select(func.max(SyncJob.finished_at)).where(
        SyncJob.user_id == user_id, SyncJob.status == "done"
    )
    moment: datetime | None = (await session.execute(query)).scalar_one()
    return moment
