"""Where every unit is, as the ledger books it."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from integrations_backend.dependencies import Runtime, runtime
from integrations_backend.reports.kinds import INVENTORY, LEDGER, LEDGER_SUMMARY
from integrations_backend.reports.snapshot import newest_snapshot
from integrations_backend.unit_ledger.balance import ItemLedger, unit_ledger
from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.pagination import Page, PageQuery, decode_cursor, encode_cursor
from opside_chassis.wire import AnswerModel

router = APIRouter()


class CentreUnits(AnswerModel):
    """Units that were booked at one centre, by movement, and their sum."""

    centre: str
    moved: dict[str, int]
    net: int


class UnevenUnits(AnswerModel):
    """Units too many or (below zero) too few, where, and why that is one; no centre: all together."""

    what: str
    centre: str
    units: int
    because: str


class UnitLedgerItem(AnswerModel):
    """One FNSKU: its opening balance and everything booked make its stock, or it is said where not.

    `opening` and `inStock` are null where no report that was read tells them.
    """

    fnsku: str
    sku: str
    opening: int | None
    booked: int
    in_stock: int | None
    even: bool
    centres: list[CentreUnits]
    uneven: list[UnevenUnits]


@router.get("/api/amazon/unit-ledger")
@router.get("/api/v1/amazon/unit-ledger")
async def read_unit_ledger(
    caller: Annotated[Caller, Depends(access.member())],
    parts: Annotated[Runtime, Depends(runtime)],
    page: Annotated[PageQuery, Query()],
) -> Page[UnitLedgerItem]:
    """Units by FNSKU and centre over everything that was read of the ledger."""
    after = decode_cursor(page.cursor, parts=1)[0] if page.cursor else ""
    ledger = await asyncio.to_thread(parts.archive.scan, caller.user_id, LEDGER)
    if ledger is None:
        return Page[UnitLedgerItem](items=[])
    stock = await newest_snapshot(
        parts.database.sessions, parts.archive, user_id=caller.user_id, report_type=INVENTORY
    )
    summary = await asyncio.to_thread(parts.archive.scan, caller.user_id, LEDGER_SUMMARY)
    found = await asyncio.to_thread(
        unit_ledger, ledger, stock=stock, summary=summary, after=after, limit=page.limit + 1
    )
    shown = found[: page.limit]
    more = len(found) > page.limit
    return Page[UnitLedgerItem](
        items=[_shown(item) for item in shown],
        next_cursor=encode_cursor(shown[-1].fnsku) if more else None,
    )


def _shown(item: ItemLedger) -> UnitLedgerItem:
    return UnitLedgerItem(
        fnsku=item.fnsku,
        sku=item.sku,
        opening=item.opening,
        booked=item.booked,
        in_stock=item.in_stock,
        even=not item.imbalances,
        centres=[
            CentreUnits(centre=one.centre, moved=one.moved, net=one.net) for one in item.centres
        ],
        uneven=[
            UnevenUnits(what=one.what, centre=one.centre, units=one.units, because=one.because)
            for one in item.imbalances
        ],
    )
