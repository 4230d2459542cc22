"""Stock as Amazon last reported it."""

from typing import Annotated

import polars as pl
from fastapi import APIRouter, Depends, Query

from integrations_backend.dependencies import Runtime, runtime
from integrations_backend.reports.kinds import INVENTORY
from integrations_backend.reports.snapshot import newest_snapshot
from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.pagination import Page, PageQuery, decode_cursor, encode_cursor
from opside_chassis.wire import AnswerModel

router = APIRouter()


class StockLine(AnswerModel):
    """One SKU's units."""

    sku: str
    fnsku: str
    asin: str
    fulfillable: int
    unsellable: int
    reserved: int
    total: int


@router.get("/api/amazon/inventory")
@router.get("/api/v1/amazon/inventory")
async def read_inventory(
    caller: Annotated[Caller, Depends(access.member())],
    parts: Annotated[Runtime, Depends(runtime)],
    page: Annotated[PageQuery, Query()],
) -> Page[StockLine]:
    """Units by SKU, as of the newest inventory report that was read."""
    after = decode_cursor(page.cursor, parts=1)[0] if page.cursor else ""
    rows = await newest_snapshot(
        parts.database.sessions, parts.archive, user_id=caller.user_id, report_type=INVENTORY
    )
    if rows is None:
        return Page[StockLine](items=[])
    found = rows.filter(pl.col("sku") > after).sort("sku").head(page.limit + 1)
    lines = [
        StockLine(
            sku=row["sku"],
            fnsku=row["fnsku"],
            asin=row["asin"],
            fulfillable=row["afn-fulfillable-quantity"],
            unsellable=row["afn-unsellable-quantity"] or 0,
            reserved=row["afn-reserved-quantity"] or 0,
            total=row["afn-total-quantity"],
        )
        for row in found.head(page.limit).iter_rows(named=True)
    ]
    more = found.height > page.limit
    return Page[StockLine](items=lines, next_cursor=encode_cursor(lines[-1].sku) if more else None)
