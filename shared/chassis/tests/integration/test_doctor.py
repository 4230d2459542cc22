"""Every point of the doctor is seen green once and red once, by breaking the very thing it looks at."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import uvicorn
from fastapi import FastAPI
from web_parts import HERE, settings

from opside_chassis.database import Database, driver_url
from opside_chassis.doctor import (
    Finding,
    Point,
    Verdict,
    examine,
    ok,
    read_report,
    report,
    unusable,
)
from opside_chassis.doctor_points import Patient, key_age
from opside_chassis.keyring import generate_keypair
from opside_chassis.settings import ServiceSettings, WrongSetting
from opside_chassis.testing.engines import free_port
from opside_chassis.testing.plugin import MigratedDatabase
from opside_chassis.web import create_app

SCHEMA_INI = Path(__file__).parent.parent / "schema" / "alembic.ini"
ALL = ("main-api", "integrations-backend", HERE)
TODAY = datetime.now(UTC)
SENTRY = "https://" + "key@sentry.example/1"


class Page(ServiceSettings):
    """With an address that browsers use."""

    app_url: str = "https://app.example.com"


def good(**changes: Any) -> ServiceSettings:
    """Fit for production, but for what no test machine has."""
    pair = generate_keypair()
    kid = f"{HERE}-{TODAY:%Y%m%d}-abc123"
    ring = [
        {
            "kid": kid if name == HERE else name,
            "issuer": name,
            "public_key": pair.public_key if name == HERE else generate_keypair().public_key,
        }
        for name in ALL
    ]
    values = dict(settings()) | {
        "environment": "production",
        "sentry_dsn": SENTRY,
        "metrics_port": 9100,
        "service_key_id": kid,
        "service_private_key": pair.private_key,
        "service_public_keys": ring,
    }
    return Page(**(values | changes))


@asynccontextmanager
async def served(given: ServiceSettings) -> AsyncIterator[str]:
    """The health routes of a service in that mode."""
    app: FastAPI = create_app(settings=given, title=HERE)
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def patient(migrated: MigratedDatabase, redis: str, **changes: Any) -> AsyncIterator[Patient]:
    """A service with a running neighbour and a worker at work."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(served(good()))
        there = dict.fromkeys(("main_api_url", "integrations_url", "payments_url"), url)
        given = good(**({"redis_url": redis} | there | changes))
        database = Database.connect(migrated.app_url, application_name="doctor")
        stack.push_async_callback(database.close)
        relay = await asyncpg.connect(
            driver_url(migrated.app_url), server_settings={"application_name": f"{HERE} relay"}
        )
        stack.push_async_callback(relay.close)
        yield Patient(HERE, migrated.schema, given, database, SCHEMA_INI)


async def seen(one: Patient) -> dict[str, Finding]:
    return {finding.point: finding for finding in await examine(HERE, one.points())}


async def owner(migrated: MigratedDatabase, *statements: str, admin: bool = False) -> None:
    connection = await asyncpg.connect(migrated.admin_url if admin else migrated.owner_url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


# What a machine of tests cannot have: TLS to its Postgres, durable commits, an archive of the log.
NEVER_HERE = {"encrypted database connection", "role of the application", "backups"}


async def test_a_good_installation_is_green(migrated: MigratedDatabase, redis_url: str) -> None:
    await owner(migrated, *GUARD_NOTES)
    async with patient(migrated, redis_url) as one:
        found = await seen(one)
    bad = {name for name, finding in found.items() if finding.verdict is not Verdict.OK}
    assert bad <= NEVER_HERE, {name: found[name].says for name in bad}
    assert found["encrypted database connection"].verdict is Verdict.WRONG
    assert len(found) == len(set(found)) >= 20


GUARD_NOTES = (
    "ALTER TABLE workbench.notes ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE workbench.notes FORCE ROW LEVEL SECURITY",
)

BROKEN_SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("environment", {"environment": "development"}),
    ("HTTPS of our addresses", {"app_url": "http://app.example.com"}),
    ("CORS", {"cors_allowed_origins": ["http://localhost:5173"]}),
    ("rate limit", {"rate_limit_max_requests": 6000}),
    ("logs and errors shipped", {"sentry_dsn": ""}),
    ("logs and errors shipped", {"log_level": "debug"}),
    ("metrics", {"metrics_port": 0}),
    ("signing keys known", {"service_public_keys": []}),
    ("signing keys known", {"service_private_key": generate_keypair().private_key}),
    ("age of the signing key", {"service_key_id": f"{HERE}-20250101-abc123"}),
    ("Redis", {"redis_url": "redis://127.0.0.1:1/0"}),
    ("MAIN_API_URL answers", {"main_api_url": "http://127.0.0.1:1"}),
    ("INTEGRATIONS_URL answers", {"integrations_url": "http://127.0.0.1:1"}),
    ("PAYMENTS_URL answers", {"payments_url": "http://127.0.0.1:1"}),
    ("security headers", {"payments_url": "http://127.0.0.1:1"}),
]


@pytest.mark.parametrize(("point", "broken"), BROKEN_SETTINGS)
async def test_a_broken_setting_is_red(
    migrated: MigratedDatabase, redis_url: str, point: str, broken: dict[str, Any]
) -> None:
    async with patient(migrated, redis_url, **broken) as one:
        found = (await seen(one))[point]
    assert (found.verdict, bool(found.mend)) == (Verdict.WRONG, True)


async def test_a_neighbour_that_is_not_in_production_mode_is_red(
    migrated: MigratedDatabase, redis_url: str
) -> None:
    async with (
        served(good(environment="development")) as careless,
        patient(migrated, redis_url, payments_url=careless) as one,
    ):
        found = await seen(one)
    assert found["PAYMENTS_URL answers"].verdict is Verdict.OK
    assert found["security headers"].says == "strict-transport-security is not sent"


BROKEN_DATABASE: list[tuple[str, str, str]] = [
    ("row security", "notes shows", "ALTER TABLE workbench.notes NO FORCE ROW LEVEL SECURITY"),
    ("migrations", "is at 0000", "UPDATE workbench.alembic_version SET version_num = '0000'"),
    ("role of the application", "outranks", "ALTER ROLE workbench_app BYPASSRLS"),
    (
        "jobs waiting",
        "1 jobs are due",
        "INSERT INTO workbench.outbox (id, kind, payload, due_at)"
        " VALUES ('job_1', 'late', '{}', now() - interval '1 hour')",
    ),
    (
        "jobs given up",
        "1 jobs were given up",
        "INSERT INTO workbench.outbox (id, kind, payload, due_at, status)"
        " VALUES ('job_1', 'late', '{}', now(), 'parked')",
    ),
]


@pytest.mark.parametrize(("point", "says", "statement"), BROKEN_DATABASE)
async def test_a_broken_database_is_red(
    migrated: MigratedDatabase, redis_url: str, point: str, says: str, statement: str
) -> None:
    admin = "ROLE" in statement
    await owner(migrated, *GUARD_NOTES)
    await owner(migrated, statement, admin=admin)
    try:
        async with patient(migrated, redis_url) as one:
            found = (await seen(one))[point]
    finally:
        if admin:  # roles belong to the server, not to this test's database
            await owner(migrated, "ALTER ROLE workbench_app NOBYPASSRLS", admin=True)
    assert (found.verdict, bool(found.mend)) == (Verdict.WRONG, True)
    assert says in found.says


async def test_no_worker_and_no_database_are_red(
    migrated: MigratedDatabase, redis_url: str
) -> None:
    async with patient(migrated, redis_url) as one:
        assert (await seen(one))["worker"].verdict is Verdict.OK
        alone = (await seen(replace(one, service="main-api")))["worker"]
        assert (alone.verdict, alone.says) == (Verdict.WRONG, "no worker is at work")
        nowhere = Database.connect(
            "postgresql://app:geheim@127.0.0.1:1/none", application_name="doctor"
        )
        found = await seen(replace(one, database=nowhere))
        await nowhere.close()
    assert found["database"].verdict is Verdict.WRONG
    assert not any("geheim" in finding.says for finding in found.values())


async def test_without_its_migrations_it_cannot_tell(
    migrated: MigratedDatabase, redis_url: str, tmp_path: Path
) -> None:
    async with patient(migrated, redis_url) as one:
        found = (await seen(replace(one, alembic_ini=tmp_path / "alembic.ini")))["migrations"]
    assert found.verdict is Verdict.CANNOT_TELL


async def test_a_key_file_that_others_read_is_red(
    migrated: MigratedDatabase, redis_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "keys.json"
    path.write_text("{}")
    for mode, verdict in ((0o600, Verdict.OK), (0o644, Verdict.WRONG)):
        path.chmod(mode)
        async with patient(migrated, redis_url, keys_file=str(path)) as one:
            assert (await seen(one))["key files private"].verdict is verdict


@pytest.mark.parametrize(
    ("kid", "days", "verdict"),
    [
        ("vault-20260101-abc123", 90, Verdict.OK),
        ("vault-20260101-abc123", 91, Verdict.WRONG),
        ("vault-1", 0, Verdict.CANNOT_TELL),
        ("vault-20269999-abc123", 0, Verdict.CANNOT_TELL),
    ],
)
def test_a_key_is_as_old_as_its_id_says(kid: str, days: int, verdict: Verdict) -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(days=days)
    assert key_age(kid, now=now).verdict is verdict


async def test_the_report_has_a_line_a_point_and_its_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def never() -> Any:
        raise OSError("password geheim")

    findings = await examine(
        "here", [Point("a", "S1", lambda: ok("fine")), Point("b", "S4", never)]
    )
    assert report(findings[:1], as_json=False) == 0
    assert report(findings, as_json=False) == 1
    said = capsys.readouterr().out
    assert said.splitlines()[0] == "ok          here: a: fine"
    assert "geheim" not in said
    assert report(findings, as_json=True) == 1
    printed = capsys.readouterr().out
    assert read_report(f"noise\n{printed}" + json.dumps({"level": "info"})) == findings
    refused = unusable("here", WrongSetting("PORT", "is not set", "set it"))
    assert report(refused, as_json=False) == 1
