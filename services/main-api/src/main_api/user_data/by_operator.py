"""Export and erasure ordered by an operator, for a user who asks by letter."""

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

from main_api.runtime import Runtime, open_runtime
from main_api.settings import Settings
from main_api.user_data.export import folder_of
from main_api.user_data.jobs import exporter
from main_api.user_data.models import ExportStatus
from main_api.user_data.own_erasure import OPERATOR, ErasureOrder, order_erasure
from main_api.user_data.own_exports import order_export, read_export


async def export_user(settings: Settings, *, user_id: str, to: Path) -> str:
    """Collect a copy here and now and write it to a file; answers its SHA-256.

    Raises:
        NotFound: there is no such user.
        Unavailable: a service is away.
    """
    async with open_runtime(settings) as runtime:
        return await copy_user(runtime, user_id=user_id, to=to)


async def copy_user(runtime: Runtime, *, user_id: str, to: Path) -> str:
    """As `export_user`, with these parts."""
    sessions = runtime.database.sessions
    export = await order_export(sessions, user_id=user_id, clock=runtime.clock)
    collecting = exporter(runtime)
    # The worker has the same order; who is later finds the parts whole, or the file there.
    await collecting.collect(export)
    if (await read_export(sessions, user_id=user_id, export_id=export.id)).status == (
        ExportStatus.COLLECTING.value
    ):
        await collecting.make_ready(export)
    made = folder_of(runtime.evidence, user_id, export.id).zip_file
    await asyncio.to_thread(shutil.copyfile, made, to)
    return (await read_export(sessions, user_id=user_id, export_id=export.id)).sha256 or ""


async def erase_user(settings: Settings, *, user_id: str, confirm: str, at_once: bool) -> str:
    """Order the erasure; answers its id. The worker carries it out.

    Raises:
        NotFound: there is no such user.
        NotConfirmed: the address is not his.
    """
    waiting = timedelta(hours=0 if at_once else settings.erasure_waiting_hours)
    order = ErasureOrder(user_id, confirm, OPERATOR, waiting)
    async with open_runtime(settings) as runtime:
        ordered = await order_erasure(runtime.database.sessions, order, clock=runtime.clock)
        return ordered.id
