"""What Amazon paid the signed-in seller, and objections to our fee on it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from main_api.dependencies import Runtime, runtime
from main_api.recoveries.decide_objection import decide_objection, list_objections
from main_api.recoveries.listing import list_recoveries
from main_api.recoveries.raise_objection import raise_objection
from main_api.recoveries.schemas import Decision, ObjectionReason, ObjectionView, RecoveryView
from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.pagination import Page, PageQuery

router = APIRouter()
Member = Annotated[Caller, Depends(access.member())]
Admin = Annotated[Caller, Depends(access.admin())]
Parts = Annotated[Runtime, Depends(runtime)]


@router.get("/api/billing/recoveries")
async def read_recoveries(
    caller: Member, parts: Parts, page: Annotated[PageQuery, Query()]
) -> Page[RecoveryView]:
    """What Amazon paid for the seller's cases, and the state of our fee, newest first."""
    return await list_recoveries(parts.database.sessions, user_id=caller.user_id, page=page)


@router.post("/api/billing/recoveries/{recovery_id}/objection", status_code=201)
async def object_to_fee(
    recovery_id: str, body: ObjectionReason, caller: Member, parts: Parts
) -> RecoveryView:
    """Hold back the fee on one line until an admin has looked; only before it is asked for."""
    return await raise_objection(
        parts.database.sessions,
        user_id=caller.user_id,
        recovery_id=recovery_id,
        reason=body.reason,
        now=parts.clock(),
    )


@router.get("/api/admin/objections")
async def read_objections(
    _admin: Admin, parts: Parts, page: Annotated[PageQuery, Query()]
) -> Page[ObjectionView]:
    """Objections that wait for a decision."""
    return await list_objections(parts.database.sessions, page)


@router.post("/api/admin/objections/{objection_id}/decision")
async def decide(
    objection_id: str, decision: Decision, admin: Admin, parts: Parts
) -> ObjectionView:
    """Uphold an objection (no fee, for good) or reject it (the fee is asked for)."""
    return await decide_objection(
        parts.database.sessions,
        recovery_row_id=objection_id,
        decision=decision,
        admin_id=admin.user_id,
        default_mode=parts.settings.collection_mode,
        now=parts.clock(),
    )
