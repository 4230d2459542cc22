"""One request through the chassis' guards, against the same answer from Starlette alone."""

import os
import sys
import tempfile
from pathlib import Path

from opside_local.bench import http_load, servers
from opside_local.bench.figures import Figures, rates
from opside_local.engines import open_redis
from opside_local.folders import PROJECT
from opside_local.ports import HOST, free_ports
from opside_local.processes import Crew, Program

UNIT = "requests/s"
COUNT = 4_000


async def measure() -> Figures:
    """Both servers run, each in a process of its own; the load takes turns."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        ports = free_ports(place / "ports.json")
        crew = Crew(place)
        async with open_redis(place, port=ports.redis) as redis_url:
            try:
                for kind, port in (("ours", ports.main_api), ("bare", ports.payments)):
                    await crew.start(_program(kind, port, redis_url))
                return await rates(
                    lambda: http_load.get_many(ports.main_api, servers.PATH, COUNT),
                    lambda: http_load.get_many(ports.payments, servers.PATH, COUNT),
                )
            finally:
                await crew.stop_all()


def _program(kind: str, port: int, redis_url: str) -> Program:
    return Program(
        name=kind,
        command=(sys.executable, "-m", servers.__name__, kind, str(port)),
        environment={**os.environ, "REDIS_URL": redis_url},
        folder=PROJECT,
        ready_url=f"http://{HOST}:{port}{servers.PATH}",
    )
