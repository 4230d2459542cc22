"""A report that is a picture of one moment: only the newest one counts."""

import asyncio

import polars as pl

from integrations_backend.archive import Archive
from integrations_backend.reports import queries
from opside_chassis.database import Sessions, transaction


async def newest_snapshot(
    sessions: Sessions, archive: Archive, *, user_id: str, report_type: str
) -> pl.DataFrame | None:
    """The rows of the last document of this type; None when none was read yet."""
    async with transaction(sessions, tenant=user_id) as session:
        archived_as = await queries.newest_document(
            session, user_id=user_id, report_type=report_type
        )
    if archived_as is None:
        return None
    return await asyncio.to_thread(archive.document, archived_as)
