"""Fees as Amazon's settlements show them."""

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from integrations_backend.dependencies import Runtime, runtime
from integrations_backend.fees.lines import fee_lines, newest
from integrations_backend.reports.kinds import SETTLEMENT
from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.pagination import Page, PageQuery, cursor_moment, decode_cursor, encode_cursor
from opside_chassis.wire import AnswerModel

router = APIRouter()


class FeeLine(AnswerModel):
    """One fee, in minor units; negative: Amazon took it. `currency` is null where no row says it."""

    posted_at: datetime
    settlement_id: str
    order_id: str
    sku: str
    fee_type: str
    amount_cents: int
    currency: str | None


@router.get("/api/amazon/fees")
@router.get("/api/v1/amazon/fees")
async def read_fees(
    caller: Annotated[Caller, Depends(access.member())],
    parts: Annotated[Runtime, Depends(runtime)],
    page: Annotated[PageQuery, Query()],
) -> Page[FeeLine]:
    """Every fee of the settlements that were read, newest first."""
    before = _place(page)
    rows = await asyncio.to_thread(parts.archive.scan, caller.user_id, SETTLEMENT)
    if rows is None:
        return Page[FeeLine](items=[])
    found = await asyncio.to_thread(newest, fee_lines(rows), before=before, limit=page.limit + 1)
    shown = found.head(page.limit).to_dicts()
    last = shown[-1] if found.height > page.limit else None
    return Page[FeeLine](
        items=[
            FeeLine(
                posted_at=one["posted"],
                settlement_id=one["settlement_id"] or "",
                order_id=one["order_id"] or "",
                sku=one["sku"] or "",
                fee_type=one["fee_type"] or "",
                amount_cents=one["amount_minor"],
                currency=one["currency"] or None,
            )
            for one in shown
        ],
        next_cursor=encode_cursor(last["posted"].isoformat(), last["key"]) if last else None,
    )


def _place(page: PageQuery) -> tuple[datetime, str] | None:
    if page.cursor is None:
        return None
    posted, key = decode_cursor(page.cursor, parts=2)
    return cursor_moment(posted), key
