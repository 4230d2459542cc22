"""A person's right to his data: a copy of everything, and the end of his account."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse

from main_api.dependencies import Runtime, runtime
from main_api.user_data.own_erasure import (
    USER,
    ErasureOrder,
    cancel_erasure,
    order_erasure,
    read_erasure,
)
from main_api.user_data.own_exports import export_file, list_exports, order_export, read_export
from main_api.user_data.schemas import EraseAccount, ErasureView, ExportView
from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.described import answers_file

router = APIRouter()
Member = Annotated[Caller, Depends(access.member())]
Parts = Annotated[Runtime, Depends(runtime)]


@router.post("/api/account/export", status_code=202)
async def export_account(caller: Member, parts: Parts) -> ExportView:
    """Order a copy of everything that we hold about you; one is collected at a time."""
    export = await order_export(parts.database.sessions, user_id=caller.user_id, clock=parts.clock)
    return ExportView.of(export)


@router.get("/api/account/exports")
async def read_exports(caller: Member, parts: Parts) -> list[ExportView]:
    """The copies that you ordered, newest first."""
    rows = await list_exports(parts.database.sessions, user_id=caller.user_id)
    return [ExportView.of(row) for row in rows]


@router.get("/api/account/exports/{export_id}")
async def read_one_export(export_id: str, caller: Member, parts: Parts) -> ExportView:
    """Whether a copy is ready."""
    export = await read_export(parts.database.sessions, user_id=caller.user_id, export_id=export_id)
    return ExportView.of(export)


@router.get(
    "/api/account/exports/{export_id}/download",
    response_class=FileResponse,
    responses=answers_file("application/zip"),
)
async def download_export(export_id: str, caller: Member, parts: Parts) -> FileResponse:
    """The copy: a ZIP file with a JSON and a CSV file per table, your documents, and a manifest."""
    file = await export_file(
        parts.database.sessions, parts.evidence, user_id=caller.user_id, export_id=export_id
    )
    return FileResponse(
        file,
        media_type="application/zip",
        filename=f"opside-{export_id}.zip",
        headers={"Cache-Control": "no-store"},
    )


@router.post("/api/account/erase", status_code=202)
async def erase_account(body: EraseAccount, caller: Member, parts: Parts) -> ErasureView:
    """Order the erasure of your account; until `startsAt` you can cancel it."""
    order = ErasureOrder(
        user_id=caller.user_id,
        confirm=body.confirm,
        ordered_by=USER,
        waiting=timedelta(hours=parts.settings.erasure_waiting_hours),
    )
    return ErasureView.of(await order_erasure(parts.database.sessions, order, clock=parts.clock))


@router.get("/api/account/erasure")
async def read_own_erasure(caller: Member, parts: Parts) -> ErasureView:
    """The erasure that you ordered, and what holds it."""
    return ErasureView.of(await read_erasure(parts.database.sessions, user_id=caller.user_id))


@router.delete("/api/account/erasure", status_code=204)
async def keep_account(caller: Member, parts: Parts) -> None:
    """Change your mind, while it has not begun."""
    await cancel_erasure(parts.database.sessions, user_id=caller.user_id, clock=parts.clock)
