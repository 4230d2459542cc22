"""Postgres, Redis, sandbox and the real worker, each a process that may be killed.

The database holds the worker fast where it shall die: in a trap (a trigger that sleeps) or at a lock.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from pydantic import SecretStr
from sandbox import Sandbox, live_amazon, running
from service import ADA, Keys, Service, build, settings_of

from integrations_backend.settings import Settings
from opside_chassis.clock import utc_now
from opside_chassis.database import Database
from opside_chassis.migration import bootstrap, migrate, role_url
from opside_chassis.testing.engines import EmbeddedPostgres, EmbeddedRedis, free_port
from opside_chassis.testing.scratch import scratch_folder

PASSWORD = "only-in-a-" + "test"
PATIENCE_SECONDS = 60
TRAP = """
    CREATE TABLE public.trap (step TEXT, point TEXT);
    INSERT INTO public.trap VALUES ('', '');
    CREATE FUNCTION public.trap() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE here text := CASE WHEN NEW.status = 'done' THEN 'worked'
                              WHEN NEW.failures > OLD.failures THEN 'begun' END;
    BEGIN
        IF EXISTS (SELECT 1 FROM public.trap t
                    WHERE t.step = NEW.payload->>'step' AND t.point = here) THEN
            PERFORM pg_sleep(4);
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER trap BEFORE UPDATE ON integrations.outbox
        FOR EACH ROW EXECUTE FUNCTION public.trap();
    CREATE FUNCTION public.trap_archived() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM public.trap t WHERE t.point = 'archived') THEN
            PERFORM pg_sleep(4);
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER trap BEFORE UPDATE ON integrations.report_documents
        FOR EACH ROW EXECUTE FUNCTION public.trap_archived();
"""
HELD = """
    SELECT pid FROM pg_stat_activity
     WHERE application_name = 'integrations-backend' AND state = 'active'
       AND (wait_event = 'PgSleep' OR wait_event_type = 'Lock')
"""


def environment(settings: Settings) -> dict[str, str]:
    """Settings as a process reads them."""
    found = {
        name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "PYTHONPATH"}
    }
    for name in type(settings).model_fields:
        value: Any = getattr(settings, name)
        if value is None:
            continue
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        elif isinstance(value, list | tuple | set | frozenset):
            value = json.dumps([one if isinstance(one, str) else one.model_dump() for one in value])
        found[name.upper()] = str(value)
    return found


@dataclass
class Machine:
    """Engines, sandbox and worker, each a process that may be killed."""

    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    sandbox: Sandbox
    service: Service
    admin: asyncpg.Connection
    log: Path
    worker: "subprocess.Popen[bytes] | None" = None
    kills: list[str] = field(default_factory=list)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.worker = subprocess.Popen(
                [sys.executable, "-m", "integrations_backend.worker"],
                env=environment(self.service.runtime.settings),
                stdout=log,
                stderr=log,
            )

    def kill(self, why: str) -> None:
        assert self.worker is not None
        assert self.worker.poll() is None, self.log.read_text()[-2000:]
        self.worker.send_signal(signal.SIGKILL)
        self.worker.wait(10)
        self.kills.append(why)

    async def set_trap(self, step: str, point: str) -> None:
        await self.admin.execute("UPDATE public.trap SET step = $1, point = $2", step, point)

    async def let_leases_end(self) -> None:
        """The half minute after which a dead worker's jobs are taken over."""
        await self.admin.execute(
            "UPDATE integrations.outbox SET lease_until = now() - interval '1 s'"
            " WHERE status = 'leased'"
        )

    async def held(self) -> list[int]:
        return [row["pid"] for row in await self.admin.fetch(HELD)]

    async def die_where_it_is_held(self, why: str) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (pids := await self.held()):
                assert self.worker is not None
                assert self.worker.poll() is None, self.log.read_text()[-2000:]
                await asyncio.sleep(0.02)
        self.kill(why)
        for pid in pids:
            await self.admin.execute("SELECT pg_terminate_backend($1)", pid)

    @asynccontextmanager
    async def locked(self, table: str, mode: str = "EXCLUSIVE") -> AsyncIterator[None]:
        other = await asyncpg.connect(self.postgres.url("opside"))
        try:
            await other.execute(f"BEGIN; LOCK TABLE integrations.{table} IN {mode} MODE")
            yield
        finally:
            await other.close()

    async def until(self, query: str) -> None:
        """Until it has a row."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await self.admin.fetch(query):
                await asyncio.sleep(0.02)

    async def is_running(self) -> bool:
        """Whether the sync has not ended; one that did ended well. The first worker begins it."""
        status = await self.admin.fetchval(
            "SELECT status FROM integrations.sync_jobs ORDER BY id DESC LIMIT 1"
        )
        assert status in {None, "running", "done"}
        return bool(status != "done")

    async def finished(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self.is_running():
                await asyncio.sleep(0.1)


@asynccontextmanager
async def machine_in(tmp_path: Path, **settings_of_worker: str) -> AsyncIterator[Machine]:
    """All of it, and a seller whose account is connected."""
    alembic_ini = Path(__file__).parents[1] / "alembic.ini"
    with (
        scratch_folder() as place,
        EmbeddedPostgres(place / "data", port=free_port()) as postgres,
        EmbeddedRedis(place, port=free_port()) as redis,
        running(SANDBOX_AMAZON_REPORT_SECONDS="0.3") as sandbox,
    ):
        maintenance = await asyncpg.connect(postgres.url())
        await maintenance.execute("CREATE DATABASE opside")
        await maintenance.close()
        url = postgres.url("opside")
        await bootstrap(url, schema="integrations", owner_password=PASSWORD, app_password=PASSWORD)
        owner = role_url(url, role="integrations_owner", password=PASSWORD)
        await asyncio.to_thread(migrate, alembic_ini, owner)
        admin = await asyncpg.connect(url)
        await admin.execute(TRAP)
        app_url = role_url(url, role="integrations_app", password=PASSWORD)
        changes = {**sandbox.settings, "database_url": app_url, "redis_url": redis.url}
        changes |= settings_of_worker
        database = Database.connect(app_url, application_name="tests")
        settings = settings_of(Keys(), tmp_path, **changes)
        async with live_amazon(settings) as amazon:
            service = build(database, tmp_path / "archive", amazon=amazon, clock=utc_now, **changes)
            made = Machine(postgres, redis, sandbox, service, admin, tmp_path / "worker.log")
            assert await sandbox.consent(service, ADA, "ben") == "ok"
            try:
                yield made
            finally:
                if made.worker is not None and made.worker.poll() is None:
                    made.worker.kill()
                    made.worker.wait(10)
        await database.close()
        if not made.admin.is_closed():
            await made.admin.close()


async def left_behind(machine: Machine) -> dict[str, Any]:
    """What a sync leaves, and that each thing is there once."""
    service = machine.service
    claims = await service.rows("SELECT * FROM amazon_claims")
    cases = await service.rows("SELECT claim_id FROM refund_engine_cases")
    assert sorted(one["claim_id"] for one in cases) == sorted(one["id"] for one in claims)
    states = await service.rows(
        "SELECT report_type, report_id, state, rows FROM sync_reports WHERE report_key <> 'listed'"
    )
    assert {one["state"] for one in states} <= {"read", "no_data"}
    documents = await service.rows(
        "SELECT report_type, count(*) AS n, sum(rows) AS rows FROM report_documents GROUP BY 1"
    )
    read = Counter[str]()
    for one in states:
        if one["state"] == "read":
            read[one["report_type"]] += one["rows"]
    assert {one["report_type"]: one["rows"] for one in documents} == dict(read)
    for kind, rows in read.items():
        stored = service.runtime.archive.rows(ADA, kind)
        assert (0 if stored is None else len(stored)) == rows, kind
    recovered = await service.rows("SELECT recovery_id FROM case_recoveries")
    assert len({one["recovery_id"] for one in recovered}) == len(recovered) > 0
    return {"claims": units(claims), "read": read, "recovered": len(recovered)}


def units(rows: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    found = Counter[tuple[str, str]]()
    for one in rows:
        found[one["claim_type"], one["order_id"] or one["fnsku"]] += one["quantity"]
    return found


def owed(machine: Machine) -> Counter[tuple[str, str]]:
    """What the sandbox owes, of all types."""
    return units(machine.sandbox.ask("amazon/truth/ben")["claimable"])
