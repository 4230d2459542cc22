"""Order a copy of one's data, look at it, fetch it; and the end of copies that are too old."""

import asyncio
from datetime import timedelta
from pathlib import Path

from main_api.accounts.profile import is_user
from main_api.archive import EvidenceArchive
from main_api.user_data import queries
from main_api.user_data.export import folder_of
from main_api.user_data.models import AccountExport, ExportStatus
from opside_chassis.clock import Clock
from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.errors import NotFound
from opside_chassis.ids import new_id
from opside_chassis.outbox import stage

EXPORT_ACCOUNT = "export_account"
REMOVE_OLD_EXPORTS = "remove_old_exports"
REMOVE_EVERY_SECONDS = 3_600
GIVEN_UP_AFTER = timedelta(days=2)
MOST_AT_ONCE = 100
MOST_SHOWN = 20


async def order_export(sessions: Sessions, *, user_id: str, clock: Clock) -> AccountExport:
    """The one that is being collected, or else a new one.

    Raises:
        NotFound: there is no such user.
    """
    fresh = AccountExport(
        id=new_id("exp"),
        user_id=user_id,
        status=ExportStatus.COLLECTING.value,
        ordered_at=clock(),
    )
    async with transaction(sessions, tenant=user_id) as session:
        if not await is_user(session, user_id):
            raise NotFound("there is no such user")
        export = await queries.begin_export(session, fresh)
        await stage(
            session,
            EXPORT_ACCOUNT,
            {"exportId": export.id},
            tenant=user_id,
            dedupe_key=f"{EXPORT_ACCOUNT}:{export.id}",
        )
    return export


async def list_exports(sessions: Sessions, *, user_id: str) -> list[AccountExport]:
    """The newest first."""
    async with transaction(sessions, tenant=user_id) as session:
        return await queries.exports_of(session, user_id, limit=MOST_SHOWN)


async def read_export(sessions: Sessions, *, user_id: str, export_id: str) -> AccountExport:
    """Raises `NotFound`: unknown, or somebody else's."""
    async with transaction(sessions, tenant=user_id) as session:
        export = await queries.export_of(session, export_id)
    if export is None:
        raise NotFound("there is no such export")
    return export


async def export_file(
    sessions: Sessions, archive: EvidenceArchive, *, user_id: str, export_id: str
) -> Path:
    """The ZIP file; raises `NotFound` unless it is ready."""
    export = await read_export(sessions, user_id=user_id, export_id=export_id)
    if export.status != ExportStatus.READY.value:
        raise NotFound(f"this export is {export.status}: there is no file")
    return folder_of(archive, user_id, export_id).zip_file


async def remove_old_exports(sessions: Sessions, archive: EvidenceArchive, *, clock: Clock) -> None:
    """Files go after their time; what was never finished is given up, so that another can be ordered."""
    now = clock()
    async with transaction(sessions, tenant=EVERY_TENANT) as session:
        overdue = await queries.overdue_exports(
            session, now=now, given_up_before=now - GIVEN_UP_AFTER, limit=MOST_AT_ONCE
        )
        for export in overdue:
            folder = folder_of(archive, export.user_id, export.id)
            await asyncio.to_thread(folder.remove)
            was_ready = export.status == ExportStatus.READY.value
            export.status = (ExportStatus.DELETED if was_ready else ExportStatus.FAILED).value
