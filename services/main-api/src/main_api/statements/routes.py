"""Recoveries and statements of the signed-in seller."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from main_api.dependencies import sessions
from main_api.statements.compile import Statement, as_csv, compile_statement
from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.database import Sessions

router = APIRouter()
Member = Annotated[Caller, Depends(access.member())]
Database = Annotated[Sessions, Depends(sessions)]


@router.get("/api/statements/{month}", response_model=Statement)
async def read_statement(
    month: str, request: Request, caller: Member, database: Database
) -> Statement | Response:
    """The statement of a month (`YYYY-MM`); CSV when asked for by `Accept: text/csv`."""
    statement = await compile_statement(database, user_id=caller.user_id, month=month)
    if "text/csv" not in request.headers.get("accept", ""):
        return statement
    disposition = f'attachment; filename="opside-{statement.month}.csv"'
    return Response(
        as_csv(statement),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": disposition},
    )
