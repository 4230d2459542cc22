"""Many sellers sync at once on one worker: Amazon never refuses a call for its rate.

Amazon's own plans, on the sandbox's clock: where every sync waits, both clocks jump to the moment at which
the first may go on. `make bench ONLY=crowd` runs it at full size.
"""

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest_asyncio
from sandbox import Sandbox, running
from service import Keys, Service, build, settings_of

from integrations_backend.amazon_api.live import LiveAmazon
from integrations_backend.amazon_api.pacing import Pacing
from integrations_backend.amazon_api.shared_buckets import SharedBuckets
from integrations_backend.sync.start import start_sync
from opside_chassis.clock import utc_now
from opside_chassis.database import Database
from opside_chassis.http_client import provider_client
from opside_chassis.jobs import drain

SELLERS = int(os.environ.get("OPSIDE_CROWD", "3"))
TOLD = os.environ.get("OPSIDE_CROWD_TOLD", os.devnull)
"""A file for the figures, which `make bench ONLY=crowd` reads."""
SYNCS_EACH = 2
"""One after the other without a pause: more reports to ask for than the 15 that a plan gives at once."""
AT_ONCE = 4
"""Jobs that the worker runs at a time."""
FIRST_MINUTE = 60.0


@dataclass
class Ahead:
    """The sandbox's clock."""

    seconds: float = 0.0

    def __call__(self) -> datetime:
        return utc_now() + timedelta(seconds=self.seconds)

    def timestamp(self) -> float:
        return time.time() + self.seconds


@dataclass
class Crowd:
    """The service, its Amazon, and what Amazon answered."""

    service: Service
    sandbox: Sandbox
    ahead: Ahead
    begun: float = 0.0
    calls: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[float, str]] = field(default_factory=list)
    """Seconds from the begin, and the path of each call that was refused for its rate."""

    async def saw(self, answer: httpx.Response) -> None:
        path = answer.request.url.path
        kind = "/".join(path.split("/")[:4])
        self.calls[f"{answer.request.method} {kind}"] += 1
        if answer.status_code == 429:
            self.refused.append((self.ahead.timestamp() - self.begun, path))

    async def join(self, number: int) -> None:
        persona = f"crowd-{number}"
        assert await self.sandbox.consent(self.service, f"usr_{persona}", persona) == "ok"

    async def work(self) -> None:
        """Run what is due; jump to what is due next; until nothing is."""
        while True:
            await asyncio.gather(
                *(drain(self.service.workshop, max_jobs=99_999) for _ in range(AT_ONCE))
            )
            (row,) = await self.service.rows(
                "SELECT extract(epoch FROM min(due_at) - now()) AS wait FROM outbox"
                " WHERE status = 'waiting'"
            )
            if row["wait"] is None:
                return
            await self.jump(max(0.0, float(row["wait"])))

    async def jump(self, seconds: float) -> None:
        await asyncio.to_thread(self.sandbox.ask, "clock/advance", seconds=seconds)
        self.ahead.seconds += seconds
        await self.service.execute(
            "UPDATE outbox SET due_at = due_at - make_interval(secs => :seconds)"
            " WHERE status = 'waiting'",
            seconds=seconds,
        )

    async def sync_all(self) -> None:
        for number in range(SELLERS):
            await start_sync(
                self.service.sessions,
                user_id=f"usr_crowd-{number}",
                reason="test",
                clock=self.ahead,
            )
        await self.work()


@pytest_asyncio.fixture(loop_scope="session")
async def crowd(
    committed_database: Database, tmp_path: Path, redis_url: str
) -> AsyncIterator[Crowd]:
    ahead = Ahead()
    with running(
        SANDBOX_AMAZON_CROWD=str(SELLERS),
        SANDBOX_AMAZON_RATE_FACTOR="1",
        SANDBOX_AMAZON_REPORT_SECONDS="20",
    ) as sandbox:
        settings = settings_of(Keys(), tmp_path, **sandbox.settings)
        lwa = provider_client(settings.amazon_lwa_url, timeout_seconds=30)
        api = provider_client(settings.amazon_sp_api_url, timeout_seconds=30)
        shared = SharedBuckets.connect(redis_url, application=tmp_path.name)
        shared._clock = ahead.timestamp
        pacing = Pacing(shared, clock=ahead.timestamp)
        service = build(
            committed_database,
            tmp_path / "archive",
            amazon=LiveAmazon(settings, lwa, api, pacing=pacing),
            clock=ahead,
            **sandbox.settings,
        )
        made = Crowd(service, sandbox, ahead)
        api.event_hooks["response"].append(made.saw)
        yield made
        await pacing.close()
        await lwa.aclose()
        await api.aclose()


async def test_a_crowd_of_sellers_stays_inside_every_plan(crowd: Crowd) -> None:
    for number in range(SELLERS):
        await crowd.join(number)
    crowd.begun, real = crowd.ahead.timestamp(), time.monotonic()
    await crowd.work()
    for _ in range(SYNCS_EACH - 1):
        await crowd.sync_all()
    took, virtual = time.monotonic() - real, crowd.ahead.timestamp() - crowd.begun
    done = await crowd.service.rows("SELECT status, count(*) AS n FROM sync_jobs GROUP BY 1")
    late = [one for one in crowd.refused if one[0] > FIRST_MINUTE]
    figures = {
        "sellers": SELLERS,
        "syncs": SELLERS * SYNCS_EACH,
        "seconds": round(took, 1),
        "amazonSeconds": round(virtual, 1),
        "calls": crowd.calls.total(),
        "refused": len(crowd.refused),
        "refusedAfterFirstMinute": len(late),
    }
    await asyncio.to_thread(Path(TOLD).write_text, json.dumps(figures))
    assert {one["status"]: one["n"] for one in done} == {"done": SELLERS * SYNCS_EACH}
    states = await crowd.service.rows("SELECT DISTINCT state FROM sync_reports")
    assert {one["state"] for one in states} <= {"read", "no_data"}
    assert late == []
    assert crowd.refused == [], "not in the first minute either"
    assert virtual > 3 * 60, "the plans did hold the syncs up"
