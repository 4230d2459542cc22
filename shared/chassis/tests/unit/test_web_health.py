"""Probes: what is down is named, nothing hangs, and only critical parts take a service out."""

import asyncio

import pytest
from fastapi import APIRouter
from sqlalchemy.ext.asyncio import create_async_engine
from web_parts import HERE, client_of, local_limiter, settings

from opside_chassis import health
from opside_chassis.health import Check, database_check, redis_check
from opside_chassis.web import WebOptions, create_app


async def fine() -> None:
    return None


async def broken() -> None:
    raise ConnectionError("password=hunter2")


async def hangs() -> None:
    await asyncio.sleep(60)


def app_of(*checks: Check, fields=dict):
    options = WebOptions(health_fields=fields, rate_limiter=local_limiter())
    return create_app(
        settings=settings(), title=HERE, routers=[APIRouter()], checks=checks, options=options
    )


async def test_all_parts_up() -> None:
    fields = lambda: {"stripeLiveMode": False, "status": "made up"}  # noqa: E731
    async with client_of(app_of(Check("database", fine), fields=fields)) as client:
        answer = await client.get("/health")
        assert answer.status_code == 200
        assert answer.json() == {
            "status": "ok",
            "service": HERE,
            "version": "0.1.0",
            "parts": {"database": "up"},
            "stripeLiveMode": False,
        }
        assert (await client.get("/health/ready")).json() == {"status": "ok", "failing": []}
        assert (await client.get("/health/live")).json() == {"status": "ok"}


@pytest.mark.parametrize("run", [broken, hangs])
async def test_a_critical_part_down(run, monkeypatch) -> None:
    monkeypatch.setattr(health, "CHECK_TIMEOUT_SECONDS", 0.05)
    app = app_of(Check("database", run), Check("redis", fine, critical=False))
    async with client_of(app) as client:
        body = (await client.get("/health")).json()
        assert (body["status"], body["parts"]) == ("degraded", {"database": "down", "redis": "up"})
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["failing"]) == (503, ["database"])
        assert (await client.get("/health/live")).status_code == 200
        assert "hunter2" not in ready.text + str(body)


async def test_an_uncritical_part_degrades_only() -> None:
    app = app_of(Check("database", fine), Check("redis", broken, critical=False))
    async with client_of(app) as client:
        assert (await client.get("/health")).json()["status"] == "degraded"
        assert (await client.get("/health/ready")).status_code == 200


async def test_checks_may_come_with_the_runtime() -> None:
    app = app_of()
    async with client_of(app) as client:
        assert (await client.get("/health/ready")).status_code == 200
        app.state.checks = [Check("database", broken)]
        assert (await client.get("/health/ready")).status_code == 503


async def test_nobody_at_the_other_end() -> None:
    engine = create_async_engine("postgresql+asyncpg://app:pw@127.0.0.1:1/opside")
    redis = redis_check("redis://127.0.0.1:1/0")
    async with client_of(app_of(database_check(engine), redis)) as client:
        assert (await client.get("/health")).json()["parts"] == {
            "database": "down",
            "redis": "down",
        }
    await engine.dispose()
