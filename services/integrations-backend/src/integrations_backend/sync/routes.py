"""Starting, watching and cancelling syncs, as /api/sync and as /api/v1/sync."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from integrations_backend.dependencies import Runtime, runtime
from integrations_backend.sync.own_syncs import (
    cancel_sync,
    list_syncs,
    read_statistics,
    read_status,
)
from integrations_backend.sync.schemas import (
    SyncStarted,
    SyncStatistics,
    SyncStatus,
    SyncStatusAnswer,
)
from integrations_backend.sync.start import start_sync
from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.pagination import Page, PageQuery

Member = Annotated[Caller, Depends(access.member())]
Parts = Annotated[Runtime, Depends(runtime)]

_sync = APIRouter(prefix="/sync")


@_sync.get("/status/{sync_id}")
async def status(sync_id: str, caller: Member, parts: Parts) -> SyncStatusAnswer:
    """Where a sync is."""
    found = await read_status(parts.database.sessions, user_id=caller.user_id, sync_id=sync_id)
    return SyncStatusAnswer(data=found)


@_sync.get("/history")
async def history(
    caller: Member, parts: Parts, page: Annotated[PageQuery, Query()]
) -> Page[SyncStatus]:
    """The caller's syncs, newest first."""
    return await list_syncs(parts.database.sessions, user_id=caller.user_id, page=page)


@_sync.get("/statistics")
async def statistics(caller: Member, parts: Parts) -> SyncStatistics:
    """Dashboard numbers."""
    return await read_statistics(parts.database.sessions, user_id=caller.user_id)


@_sync.post("/start", status_code=202)
async def start(caller: Member, parts: Parts) -> SyncStarted:
    """Start a sync; while one runs, its id is answered."""
    sync_id = await start_sync(
        parts.database.sessions, user_id=caller.user_id, reason="asked for", clock=parts.clock
    )
    return SyncStarted(sync_id=sync_id)


@_sync.delete("/cancel/{sync_id}", status_code=204)
async def cancel(sync_id: str, caller: Member, parts: Parts) -> None:
    """Stop a running sync."""
    await cancel_sync(parts.database.sessions, user_id=caller.user_id, sync_id=sync_id)


router = APIRouter()
router.include_router(_sync, prefix="/api")
router.include_router(_sync, prefix="/api/v1")
