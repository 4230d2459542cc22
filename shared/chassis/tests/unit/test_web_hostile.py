"""No request, however broken, is answered with a 500: neither by the app nor by the server before it."""

from typing import Any

import pytest
from fastapi import APIRouter, Depends, Query
from web_parts import Keys, app_with, client_of, served

from opside_chassis import access
from opside_chassis.testing.hostile_requests import hostile_requests, status_of

router = APIRouter(prefix="/t", dependencies=[Depends(access.public())])


@router.post("/json")
async def _json(body: dict[str, Any], limit: int = 0, cursor: str = "") -> Any:
    return {"body": body, "limit": limit, "cursor": cursor}


@router.get("/json")
async def _read(a: str = "", limit: int = Query(0, le=100), cursor: str = "") -> Any:
    return {"a": a, "limit": limit, "cursor": cursor}


@router.get("/json/{name:path}")
async def _named(name: str) -> str:
    return name


@router.post("/member", dependencies=[])
async def _member(caller: access.Caller = Depends(access.member())) -> str:
    return caller.user_id


async def test_never_a_500() -> None:
    keys = Keys()
    own = APIRouter()
    own.include_router(router)
    async with served(app_with(own, keys=keys)) as url:
        found = {
            f"{path} {name}": await status_of(url, sent)
            for path in ("/t/json", "/t/member", "/nowhere", "/health/live")
            for name, sent in hostile_requests(path).items()
        }
    wrong = {name: status for name, status in found.items() if status >= 500}
    assert wrong == {}
    assert len(found) > 300
    silent = {name for name, status in found.items() if status == 0}
    assert silent == set()


@pytest.mark.parametrize(
    "lengths",
    [
        [b"9" * 5_000],
        [b"0" * 5_000],
        [b"-1"],
        [b"+5"],
        [b"1_0"],
        [b" 2"],
        [b""],
        ["٣".encode()],
        [b"2, 3"],
        [b"2", b"3"],
        [b"2", b"2"],
    ],
)
async def test_a_length_that_is_no_number_is_refused_by_the_app_itself(
    lengths: list[bytes],
) -> None:
    """Servers refuse most of these before the app sees them; a proxy in front may not."""
    async with client_of(app_with(router)) as client:
        request = client.build_request("POST", "/t/json", content=b"{}")
        request.headers.raw.clear()
        request.headers = type(request.headers)(
            [(b"content-type", b"application/json"), *((b"content-length", one) for one in lengths)]
        )
        answer = await client.send(request)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
