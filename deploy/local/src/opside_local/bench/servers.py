"""The two servers that `health_read` compares: `python -m opside_local.bench.servers KIND PORT`.

`ours` is a chassis app with nothing but its health routes; `bare` is Starlette alone.
"""

import os
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from opside_chassis.settings import ServiceSettings, read
from opside_chassis.web import create_app

PATH = "/health/live"
NO_LIMIT = 1_000_000_000


async def _alive(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


def app(kind: str, port: int) -> ASGIApp:
    """`ours` (REDIS_URL names its Redis) or `bare`."""
    if kind == "bare":
        return Starlette(routes=[Route(PATH, _alive)])
    settings = read(
        ServiceSettings,
        port=port,
        database_url="postgresql://nobody@127.0.0.1/none",
        redis_url=os.environ["REDIS_URL"],
        service_key_id="bench",
        service_private_key="none",
        service_public_keys=(),
        rate_limit_max_requests=NO_LIMIT,
        log_level="error",
    )
    return create_app(settings=settings, title="bench")


def main() -> None:
    """Serve one of them until killed."""
    kind, port = sys.argv[1], int(sys.argv[2])
    uvicorn.run(app(kind, port), port=port, log_level="critical", access_log=False)


if __name__ == "__main__":
    main()
