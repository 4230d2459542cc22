"""The service-only routes of export and erasure, the same in every service that keeps data of users."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from opside_chassis import access
from opside_chassis.errors import Forbidden
from opside_chassis.service_token import ServiceIdentity
from opside_chassis.user_data import (
    ErasureHeld,
    Holding,
    Keeper,
    UserTable,
    given_out,
    holding,
    rows_of,
)

JSON_LINES = "application/x-ndjson"


def user_data_router(
    keeper_of: Callable[[Request], Keeper], *, read_scope: str, erase_scope: str
) -> APIRouter:
    """The routes, over the service's keeper. Every token names the user (`act_for`)."""
    router = APIRouter(prefix="/internal/users/{user_id}")
    reading = access.service_only(read_scope)
    erasing = access.service_only(erase_scope)

    async def read_keeper(
        request: Request, user_id: str, service: Annotated[ServiceIdentity, Depends(reading)]
    ) -> Keeper:
        _check(service, user_id)
        return keeper_of(request)

    async def erase_keeper(
        request: Request, user_id: str, service: Annotated[ServiceIdentity, Depends(erasing)]
    ) -> Keeper:
        _check(service, user_id)
        return keeper_of(request)

    @router.get("/data")
    async def read_holding(
        user_id: str, keeper: Annotated[Keeper, Depends(read_keeper)]
    ) -> Holding:
        """The tables and documents that the service can give out about the user."""
        return await holding(keeper, user_id)

    @router.get("/data/{table}", response_class=StreamingResponse)
    async def read_table(
        user_id: str, table: str, keeper: Annotated[Keeper, Depends(read_keeper)]
    ) -> StreamingResponse:
        """The user's rows of a table as JSON lines; the last line counts them."""
        known = given_out(keeper.tables, table)
        return StreamingResponse(_lines(keeper, user_id, known), media_type=JSON_LINES)

    @router.get("/file", response_class=StreamingResponse)
    async def read_file(
        user_id: str,
        keeper: Annotated[Keeper, Depends(read_keeper)],
        key: Annotated[str, Query(max_length=1_000)],
    ) -> StreamingResponse:
        """A stored document, as it was received."""
        parts = await keeper.open_file(user_id, key)
        return StreamingResponse(parts, media_type="application/octet-stream")

    @router.get("/erasure")
    async def read_held(
        user_id: str, keeper: Annotated[Keeper, Depends(erase_keeper)]
    ) -> ErasureHeld:
        """Why the user cannot be erased now."""
        return ErasureHeld(reasons=await keeper.held(user_id))

    @router.post("/erase", status_code=204)
    async def erase(user_id: str, keeper: Annotated[Keeper, Depends(erase_keeper)]) -> None:
        """Erase the user; again is harmless. 409 while it is held."""
        await keeper.erase(user_id)

    return router


def _check(service: ServiceIdentity, user_id: str) -> None:
    if service.act_for != user_id:
        raise Forbidden("the request speaks of another user than the token")


async def _lines(keeper: Keeper, user_id: str, table: UserTable) -> AsyncIterator[bytes]:
    """One line a row. The count comes last: a stream that was cut off is not taken for a whole one."""
    count = 0
    async for row in rows_of(keeper, user_id, table):
        count += 1
        yield row.replace("\n", " ").encode() + b"\n"
    yield json.dumps({"rows": count}).encode() + b"\n"
