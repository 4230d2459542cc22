"""Housekeeping, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.wire import ApiModel
from stripe_payments.dependencies import Runtime, runtime
from stripe_payments.housekeeping.cleanup import Cleaned, clean_up
from stripe_payments.housekeeping.stats import (
    KeyCounts,
    QueueStats,
    UnprocessedEvents,
    idempotency_stats,
    queue_stats,
    unprocessed_events,
)

router = APIRouter()
Admin = Annotated[Caller, Depends(access.admin())]
Parts = Annotated[Runtime, Depends(runtime)]


class CleanUp(ApiModel):
    """Delete what is older, as far as its retention class allows."""

    days_to_keep: Annotated[int, Field(ge=1, le=36_500)]


@router.get("/api/v1/stripe/queue-stats")
async def read_queue_stats(_admin: Admin, parts: Parts) -> QueueStats:
    """Jobs that wait, run, fail or are dead."""
    return await queue_stats(parts.database.sessions)


@router.get("/api/v1/stripe/unprocessed-webhooks")
async def read_unprocessed(_admin: Admin, parts: Parts) -> UnprocessedEvents:
    """Stored events without an effect yet, with their age."""
    return await unprocessed_events(parts.database.sessions)


@router.get("/api/v1/stripe/idempotency-stats")
async def read_idempotency_stats(_admin: Admin, parts: Parts) -> list[KeyCounts]:
    """Remembered keys by caller and route."""
    return await idempotency_stats(parts.database.sessions)


@router.post("/api/v1/stripe/cleanup")
async def cleanup(body: CleanUp, admin: Admin, parts: Parts) -> Cleaned:
    """Delete old keys and events; says what was kept, and why."""
    return await clean_up(parts.database.sessions, days_to_keep=body.days_to_keep, by=admin.user_id)
