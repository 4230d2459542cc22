"""Probes: /health for people and dashboards, /health/live and /health/ready for the platform."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.responses import JSONResponse

from opside_chassis import access
from opside_chassis.database import Sessions, transaction

CHECK_TIMEOUT_SECONDS = 2.0
"""A part that answers later is as good as down for a probe."""
QUEUE_PATIENCE_SECONDS = 60
"""Workers take due jobs up within a second."""
PREFIX = "/health"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """One part a service stands on. `run` returns when it works and raises when it does not.

    `critical` parts make the service not ready; the others only degrade it (Redis: work goes on
    from Postgres).
    """

    name: str
    run: Callable[[], Awaitable[None]]
    critical: bool = True


def database_check(engine: AsyncEngine) -> Check:
    """Postgres answers."""

    async def run() -> None:
        async with engine.connect() as connection:
            await connection.execute(text("select 1"))

    return Check("database", run)


def redis_check(url: str) -> Check:
    """Redis answers; without it the service is slower, not wrong."""

    async def run() -> None:
        async with Redis.from_url(url, socket_connect_timeout=CHECK_TIMEOUT_SECONDS) as redis:
            await redis.ping()

    return Check("redis", run, critical=False)


class QueueStands(Exception):
    """Jobs are due and nobody takes them up."""


def queue_check(sessions: Sessions) -> Check:
    """Somebody takes up the jobs that are due; a worker that is away delays work, it loses none."""

    async def run() -> None:
        async with transaction(sessions) as session:
            late = await session.execute(
                text(
                    "SELECT 1 FROM outbox WHERE status = 'waiting'"
                    " AND due_at < now() - make_interval(secs => :patience) LIMIT 1"
                ),
                {"patience": QUEUE_PATIENCE_SECONDS},
            )
            if late.first() is not None:
                raise QueueStands(f"a job is due for over {QUEUE_PATIENCE_SECONDS} s")

    return Check("queue", run, critical=False)


HealthFields = Callable[[], Mapping[str, Any]]


def health_router(*, service: str, version: str, fields: HealthFields) -> APIRouter:
    """The three probe routes; they read the checks from `app.state.checks` at each call."""
    router = APIRouter(prefix=PREFIX, tags=["health"])
    anybody = [Depends(access.public())]

    @router.get("", dependencies=anybody)
    async def health(checks: _Checks) -> JSONResponse:
        broken = await _broken(checks)
        parts = {check.name: "down" if check in broken else "up" for check in checks}
        body = {
            **fields(),
            "status": "degraded" if broken else "ok",
            "service": service,
            "version": version,
            "parts": parts,
        }
        return JSONResponse(body)

    @router.get("/live", dependencies=anybody)
    async def live() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/ready", dependencies=anybody)
    async def ready(checks: _Checks) -> JSONResponse:
        failing = [check.name for check in await _broken(checks) if check.critical]
        body = {"status": "not_ready" if failing else "ok", "failing": failing}
        return JSONResponse(body, status_code=503 if failing else 200)

    return router


async def _checks(request: Request) -> Sequence[Check]:
    checks: Sequence[Check] = request.app.state.checks
    return checks


_Checks = Annotated[Sequence[Check], Depends(_checks)]


async def _broken(checks: Sequence[Check]) -> list[Check]:
    results = await asyncio.gather(*(_works(check) for check in checks))
    return [check for check, works in zip(checks, results, strict=True) if not works]


async def _works(check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            await check.run()
    except Exception as error:  # noqa: BLE001 - whatever a part raises, it does not work
        _log.warning("health: %s is down: %s", check.name, type(error).__name__)
        return False
    return True
