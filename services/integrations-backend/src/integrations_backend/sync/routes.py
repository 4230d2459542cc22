"""Starting, watching and cancelling syncs, as /api/sync and as /api/v1/sync."""

import asyncio
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Query, WebSocket, WebSocketDisconnect
from starlette.requests import HTTPConnection

from integrations_backend.dependencies import Runtime, runtime
from integrations_backend.sync.own_syncs import (
    cancel_sync,
    list_syncs,
    read_coverage,
    read_statistics,
    read_status,
)
from integrations_backend.sync.progress import ProgressHub, Watch
from integrations_backend.sync.schemas import (
    SyncCoverage,
    SyncProgress,
    SyncStarted,
    SyncStatistics,
    SyncStatus,
    SyncStatusAnswer,
)
from integrations_backend.sync.start import start_sync
from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.errors import Forbidden
from opside_chassis.pagination import Page, PageQuery

Member = Annotated[Caller, Depends(access.member())]
Parts = Annotated[Runtime, Depends(runtime)]
SEND_SECONDS = 10.0
"""A window that takes no message for so long is closed."""
LONGEST_SECONDS = 900.0
"""As long as a user's token: after that a window proves again whose it is."""
FINISHED, GOING_AWAY, TOO_SLOW = 1000, 1001, 1013


async def progress_hub(connection: HTTPConnection) -> ProgressHub:
    """The watched syncs of this process."""
    hub: ProgressHub = connection.app.state.progress
    return hub


Hub = Annotated[ProgressHub, Depends(progress_hub)]

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


@_sync.get("/coverage")
async def coverage(caller: Member, parts: Parts) -> SyncCoverage:
    """What was looked at and what not, per source, and up to when each is known."""
    return await read_coverage(parts.database.sessions, user_id=caller.user_id)


@_sync.post("/start", status_code=202)
async def start(caller: Member, parts: Parts) -> SyncStarted:
    """Start a sync; while one runs, its id is answered."""
    sync_id = await start_sync(
        parts.database.sessions, user_id=caller.user_id, reason="asked for", clock=parts.clock
    )
    return SyncStarted(sync_id=sync_id)


@_sync.delete("/cancel/{sync_id}", status_code=204)
async def cancel(sync_id: str, caller: Member, parts: Parts, hub: Hub) -> None:
    """Stop a running sync."""
    await cancel_sync(parts.database.sessions, user_id=caller.user_id, sync_id=sync_id)
    await hub.tell(sync_id)


@_sync.websocket("/progress/{sync_id}")
async def progress(websocket: WebSocket, sync_id: str, caller: Member, hub: Hub) -> None:
    """`sync_progress_update` with the payload of the status, whenever it changes, until the end."""
    refuse_foreign_page(websocket)
    async with hub.watch(user_id=caller.user_id, sync_id=sync_id) as watch:
        await websocket.accept()
        telling = asyncio.create_task(_tell(websocket, watch))
        leaving = asyncio.create_task(_left(websocket))
        try:
            await asyncio.wait(
                {telling, leaving}, timeout=LONGEST_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            telling.cancel()
            leaving.cancel()
            ended, _ = await asyncio.gather(telling, leaving, return_exceptions=True)
        with suppress(RuntimeError, WebSocketDisconnect):  # it is closed already
            await websocket.close(_code(ended))


def refuse_foreign_page(websocket: WebSocket) -> None:
    """A browser names the page that opens a socket; CORS does not hold it back. Raises Forbidden."""
    settings = websocket.app.state.runtime.settings
    origin = websocket.headers.get("origin")
    if origin is not None and origin not in {settings.app_url, *settings.cors_allowed_origins}:
        raise Forbidden("This origin may not listen here.")


async def _tell(websocket: WebSocket, watch: Watch) -> None:
    while True:
        status = await watch.next()
        async with asyncio.timeout(SEND_SECONDS):
            await websocket.send_text(SyncProgress(data=status).model_dump_json(by_alias=True))
        if status.status != "running":
            return


async def _left(websocket: WebSocket) -> None:
    """Until the client is gone; what it says is not for us."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


def _code(ended: object) -> int:
    if ended is None:
        return FINISHED
    return TOO_SLOW if isinstance(ended, TimeoutError) else GOING_AWAY


router = APIRouter()
router.include_router(_sync, prefix="/api")
router.include_router(_sync, prefix="/api/v1")
