"""WebSockets at the guards of every service: counted, answered, logged like requests."""

import json
import logging

import pytest
from fastapi import APIRouter, Depends, WebSocket
from web_parts import Keys, app_with, bearer, client_of, local_limiter, served
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from opside_chassis import access
from opside_chassis.errors import Conflict

router = APIRouter(dependencies=[Depends(access.member())])


@router.websocket("/news")
async def _news(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("one")
    await websocket.close()


@router.websocket("/broken")
async def _broken(websocket: WebSocket) -> None:
    raise RuntimeError("a secret of ours")


@router.websocket("/conflict")
async def _conflict(websocket: WebSocket) -> None:
    raise Conflict("not now")


@pytest.fixture
def keys() -> Keys:
    return Keys()


async def refusal(base_url: str, path: str, **headers: str) -> Response:
    url = base_url.replace("http", "ws", 1) + path
    with pytest.raises(InvalidStatus) as refused:
        async with connect(url, additional_headers=headers, proxy=None):
            pass
    return refused.value.response


async def test_handshakes_without_sign_in_use_up_the_addresss_minute(keys: Keys) -> None:
    app = app_with(router, keys=keys, limiter=local_limiter(3))
    async with served(app, ws="websockets-sansio", lifespan="off") as url:
        statuses = [(await refusal(url, "/news")).status_code for _ in range(3)]
        assert statuses == [401, 401, 401]
        answer = await refusal(url, "/news")
        assert answer.status_code == 429
        assert json.loads(answer.body or b"")["code"] == "too_many_requests"
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.headers["x-request-id"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        async with client_of(app, client=("127.0.0.1", 1)) as client:
            assert (await client.get("/nowhere")).status_code == 429


async def test_a_service_that_speaks_for_a_user_is_not_counted_by_address(keys: Keys) -> None:
    app = app_with(router, keys=keys, limiter=local_limiter(2))
    async with served(app, ws="websockets-sansio", lifespan="off") as url:
        for number in range(4):
            acting = {"act_for": f"usr_{number}", "act_role": "user"}
            token = keys.service_token(scope="act", **acting)
            address = url.replace("http", "ws", 1) + "/news"
            async with connect(address, additional_headers=bearer(token), proxy=None) as socket:
                assert await socket.recv() == "one"


async def test_an_error_before_the_handshake_is_a_problem_and_is_logged(
    keys: Keys, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="opside.access")
    app = app_with(router, keys=keys)
    token = bearer(keys.user_token())
    async with served(app, ws="websockets-sansio", lifespan="off") as url:
        assert (await refusal(url, "/conflict", **token)).status_code == 409
        broken = await refusal(url, "/broken", **token)
        assert broken.status_code == 500
        assert b"secret" not in (broken.body or b"")
        assert json.loads(broken.body or b"")["requestId"] == broken.headers["x-request-id"]
    lines = [record.getMessage() for record in caplog.records if record.name == "opside.access"]
    assert lines == ["GET /conflict 409", "GET /broken 500"]
