"""Filings of the signed-in seller. What is another's answers 404; nothing here reaches Amazon."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from main_api.dependencies import Runtime, runtime, sessions
from main_api.filings.calendar_feed import (
    FEED_PATH,
    LONGEST_SECRET_CHARS,
    open_feed,
    read_feed,
    revoke_feed,
)
from main_api.filings.draft import draft_filing, draft_many
from main_api.filings.file import file_many, mark_filed
from main_api.filings.file_case import file_case
from main_api.filings.listing import list_filings, read_audit, read_filing
from main_api.filings.move import move_filing, word_claim
from main_api.filings.packet import bound_pdf, read_packet, write_zip
from main_api.filings.radar import read_radar
from main_api.filings.rules import FilingState
from main_api.filings.schemas import (
    BulkResults,
    DraftMany,
    FeedAddress,
    Filed,
    FileMany,
    FilingChangeView,
    FilingDetail,
    FilingView,
    Move,
    NewFiling,
    OwnText,
    Radar,
)
from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.database import Sessions
from opside_chassis.described import answers_file
from opside_chassis.pagination import Page, PageQuery
from opside_contracts.integrations.cases import SellerCase

router = APIRouter()
Member = Annotated[Caller, Depends(access.member())]
Database = Annotated[Sessions, Depends(sessions)]
Parts = Annotated[Runtime, Depends(runtime)]
_SAVED = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


class FilingQuery(PageQuery):
    """Which filings."""

    state: FilingState | None = None


@router.post("/api/filings", status_code=201)
async def draft(wanted: NewFiling, caller: Member, parts: Parts) -> FilingDetail:
    """Draft a filing for a case; the one that is there, if there is one."""
    return await draft_filing(
        parts.database.sessions, parts.integrations, user_id=caller.user_id, case_id=wanted.case_id
    )


@router.get("/api/filings")
async def read_filings(
    caller: Member, database: Database, query: Annotated[FilingQuery, Query()]
) -> Page[FilingView]:
    """The seller's filings, newest first; `state` filters."""
    return await list_filings(database, user_id=caller.user_id, state=query.state, page=query)


@router.get("/api/filings/radar")
async def radar(
    caller: Member, parts: Parts, days: Annotated[int, Query(ge=1, le=400)] = 60
) -> Radar:
    """Money at risk a day, and the cases behind it, the nearest deadline first."""
    return await read_radar(
        parts.database.sessions,
        parts.integrations,
        user_id=caller.user_id,
        days=days,
        clock=parts.clock,
    )


@router.post("/api/filings/bulk/draft")
async def draft_all(wanted: DraftMany, caller: Member, parts: Parts) -> BulkResults:
    """Draft filings for up to 200 cases; one result each, a repeat changes nothing."""
    return await draft_many(
        parts.database.sessions,
        parts.integrations,
        wanted.case_ids,
        user_id=caller.user_id,
        clock=parts.clock,
    )


@router.post("/api/filings/bulk/filed")
async def file_all(told: FileMany, caller: Member, parts: Parts) -> BulkResults:
    """Up to 200 filings were filed by a person; one result each, a repeat changes nothing."""
    return await file_many(
        parts.database.sessions,
        parts.integrations,
        told.items,
        user_id=caller.user_id,
        clock=parts.clock,
    )


@router.post("/api/filings/calendar", status_code=201)
async def open_calendar(caller: Member, parts: Parts) -> FeedAddress:
    """A secret address of the deadlines for a calendar program; an earlier one ends."""
    return await open_feed(
        parts.database.sessions, user_id=caller.user_id, app_url=parts.settings.app_url
    )


@router.delete("/api/filings/calendar", status_code=204)
async def close_calendar(caller: Member, database: Database) -> Response:
    """The secret address shows nothing any more."""
    await revoke_feed(database, user_id=caller.user_id)
    return Response(status_code=204)


@router.get(
    FEED_PATH,
    dependencies=[Depends(access.public())],
    response_class=Response,
    responses=answers_file("text/calendar"),
)
async def calendar_file(
    parts: Parts, key: Annotated[str, Query(min_length=20, max_length=LONGEST_SECRET_CHARS)]
) -> Response:
    """The deadlines behind a secret address, as iCalendar."""
    document = await read_feed(parts.database.sessions, key, clock=parts.clock)
    return Response(
        document,
        media_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="opside-deadlines.ics"'},
    )


@router.get("/api/filings/{filing_id}")
async def read_one(filing_id: str, caller: Member, database: Database) -> FilingDetail:
    """One filing with the text of its claim, its field sheet and its evidence."""
    return await read_filing(database, user_id=caller.user_id, filing_id=filing_id)


@router.get("/api/filings/{filing_id}/audit")
async def read_changes(
    filing_id: str, caller: Member, database: Database
) -> list[FilingChangeView]:
    """Every change: who, when, what."""
    return await read_audit(database, user_id=caller.user_id, filing_id=filing_id)


@router.put("/api/filings/{filing_id}/text")
async def word(filing_id: str, own: OwnText, caller: Member, database: Database) -> FilingDetail:
    """Put a draft's claim in the seller's own words; null goes back to ours."""
    return await word_claim(database, own.text, user_id=caller.user_id, filing_id=filing_id)


@router.post("/api/filings/{filing_id}/move")
async def move(filing_id: str, wanted: Move, caller: Member, database: Database) -> FilingDetail:
    """A person says where it stands: ready, drafted, answered, denied or appealed."""
    return await move_filing(database, wanted, user_id=caller.user_id, filing_id=filing_id)


@router.post("/api/filings/{filing_id}/filed")
async def filed(filing_id: str, told: Filed, caller: Member, parts: Parts) -> FilingDetail:
    """A person filed it at Amazon under this case id."""
    return await mark_filed(
        parts.database.sessions,
        parts.integrations,
        user_id=caller.user_id,
        filing_id=filing_id,
        amazon_case_id=told.amazon_case_id,
        clock=parts.clock,
    )


@router.post("/api/cases/{case_id}/filed")
async def case_filed(case_id: str, told: Filed, caller: Member, parts: Parts) -> SellerCase:
    """A person filed this case at Amazon; its filing is drafted, if there is none, and filed."""
    return await file_case(
        parts.database.sessions,
        parts.integrations,
        user_id=caller.user_id,
        case_id=case_id,
        amazon_case_id=told.amazon_case_id,
        clock=parts.clock,
    )


@router.get(
    "/api/filings/{filing_id}/packet.pdf",
    response_class=FileResponse,
    responses=answers_file("application/pdf"),
)
async def packet_pdf(filing_id: str, caller: Member, parts: Parts) -> FileResponse:
    """The packet as one PDF: claim, field sheet, evidence."""
    packet = await read_packet(
        parts.database.sessions, parts.evidence, user_id=caller.user_id, filing_id=filing_id
    )
    place = await bound_pdf(parts.evidence, packet, user_id=caller.user_id)
    return FileResponse(
        place,
        media_type="application/pdf",
        headers=_SAVED | {"Content-Disposition": f'attachment; filename="{packet.name}.pdf"'},
    )


@router.get(
    "/api/filings/{filing_id}/packet.zip",
    response_class=FileResponse,
    responses=answers_file("application/zip"),
)
async def packet_zip(filing_id: str, caller: Member, parts: Parts) -> FileResponse:
    """The packet as a ZIP: claim, field sheet, every document as received, checksums."""
    packet = await read_packet(
        parts.database.sessions, parts.evidence, user_id=caller.user_id, filing_id=filing_id
    )
    place = parts.evidence.new_file()
    await asyncio.to_thread(write_zip, packet, place)
    return FileResponse(
        place,
        media_type="application/zip",
        headers=_SAVED | {"Content-Disposition": f'attachment; filename="{packet.name}.zip"'},
        background=BackgroundTask(place.unlink, missing_ok=True),
    )
