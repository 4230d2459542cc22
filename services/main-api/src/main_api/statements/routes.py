"""Statements of the signed-in seller, as JSON, CSV or PDF."""

import asyncio
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from main_api.dependencies import sessions
from main_api.statements.compile import Statement, compile_statement
from main_api.statements.csv_file import as_csv
from main_api.statements.pdf_file import as_pdf
from main_api.statements.periods import Period, month_of, range_of
from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.database import Sessions
from opside_chassis.described import answers_file

router = APIRouter()
Member = Annotated[Caller, Depends(access.member())]
Database = Annotated[Sessions, Depends(sessions)]
CSV, PDF = "text/csv", "application/pdf"
FILES = answers_file(CSV, PDF)


@router.get("/api/statements", response_model=Statement, responses=FILES)
async def read_range(
    request: Request,
    caller: Member,
    database: Database,
    first: Annotated[date, Query(alias="from")],
    last: Annotated[date, Query(alias="to")],
) -> Statement | Response:
    """The statement of the days `from` to `to`, both included, a year at most; a file as for a month."""
    return await _statement(request, caller, database, range_of(first, last))


@router.get("/api/statements/{month}", response_model=Statement, responses=FILES)
async def read_statement(
    month: str, request: Request, caller: Member, database: Database
) -> Statement | Response:
    """The statement of a month (`YYYY-MM`); a file for `Accept: text/csv` or `application/pdf`."""
    return await _statement(request, caller, database, month_of(month))


async def _statement(
    request: Request, caller: Caller, database: Sessions, period: Period
) -> Statement | Response:
    statement = await compile_statement(database, user_id=caller.user_id, period=period)
    wanted = request.headers.get("accept", "")
    if CSV in wanted:
        return _file(as_csv(statement), f"{CSV}; charset=utf-8", f"{statement.month}.csv")
    if PDF in wanted:
        pdf = await asyncio.to_thread(as_pdf, statement)
        return _file(pdf, PDF, f"{statement.month}.pdf")
    return statement


def _file(content: str | bytes, media_type: str, name: str) -> Response:
    disposition = f'attachment; filename="opside-{name}"'
    return Response(content, media_type=media_type, headers={"Content-Disposition": disposition})
