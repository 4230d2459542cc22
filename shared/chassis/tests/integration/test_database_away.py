"""Postgres stopped, started again, or taken by others: 503 with what is away, and then work goes on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import pytest
import pytest_asyncio
from fastapi import APIRouter, Depends, FastAPI, Request
from sqlalchemy import text
from web_parts import app_with, client_of

from opside_chassis import access, database, driver_pool
from opside_chassis.database import Database, transaction
from opside_chassis.testing.engines import EmbeddedPostgres

router = APIRouter(dependencies=[Depends(access.public())])


async def opened(request: Request) -> Database:
    found: Database = request.app.state.database
    return found


Opened = Annotated[Database, Depends(opened)]


@router.post("/session")
async def _session(database: Opened, seconds: float = 0) -> int:
    async with transaction(database.sessions) as session:
        await session.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})
    return 1


@router.post("/driver")
async def _driver(database: Opened, seconds: float = 0) -> str:
    return await database.driver.execute("SELECT pg_sleep($1)", seconds)


@router.post("/bug")
async def _bug(database: Opened) -> None:
    async with transaction(database.sessions) as session:
        await session.execute(text("SELECT no_such_column"))


PATHS = ("/session", "/driver")


@pytest.fixture
def server(tmp_path: Path) -> EmbeddedPostgres:
    """A server of the test's own, on one port for its whole life."""
    with EmbeddedPostgres(tmp_path / "postgres", durable=False) as first:
        port = first.port
    return EmbeddedPostgres(tmp_path / "postgres", port=port, durable=False)


@pytest_asyncio.fixture
async def app(server: EmbeddedPostgres) -> AsyncIterator[FastAPI]:
    made = app_with(router)
    with server:
        made.state.database = Database.connect(server.url(), application_name="tests", pool_size=2)
    yield made
    await made.state.database.close()


async def test_a_stopped_database_is_a_503_until_it_is_back(
    server: EmbeddedPostgres, app: FastAPI
) -> None:
    async with client_of(app) as client:
        for _ in range(2):
            with server:
                for path in PATHS:
                    assert (await client.post(path)).status_code == 200
            await asyncio.sleep(0.05)
            for path in PATHS:
                answer = await client.post(path)
                assert (path, answer.status_code) == (path, 503)
                assert answer.headers["content-type"] == "application/problem+json"
                assert int(answer.headers["retry-after"]) >= 1
                assert answer.json()["away"] == "database"


async def test_a_database_that_stops_under_a_request_is_a_503(
    server: EmbeddedPostgres, app: FastAPI
) -> None:
    async with client_of(app) as client:
        with server:
            running = [
                asyncio.create_task(client.post(path, params={"seconds": 3})) for path in PATHS
            ]
            await asyncio.sleep(0.5)
        for answer in await asyncio.gather(*running):
            assert answer.status_code == 503
            assert answer.json()["away"] == "database"


async def test_connections_that_others_hold_are_a_503_and_not_a_queue(
    server: EmbeddedPostgres, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "PLACE_TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(driver_pool, "PLACE_TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(database, "DRIVER_POOL_SIZE", 2)
    async with client_of(app) as client:
        with server:
            app.state.database = Database.connect(
                server.url(), application_name="tests", pool_size=2
            )
            for path in PATHS:
                asked = (client.post(path, params={"seconds": 1}) for _ in range(4))
                statuses = [answer.status_code for answer in await asyncio.gather(*asked)]
                assert sorted(statuses) == [200, 200, 503, 503]
            await app.state.database.close()


async def test_a_mistake_of_ours_stays_a_500(server: EmbeddedPostgres, app: FastAPI) -> None:
    async with client_of(app) as client:
        with server:
            answer = await client.post("/bug")
    assert answer.status_code == 500
    assert "no_such_column" not in answer.text
