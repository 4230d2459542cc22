"""The points of readiness that all services share; each service adds its own in its `doctor.py`."""

import argparse
import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urlsplit

import httpx
from redis.asyncio import Redis

from opside_chassis.database import Database
from opside_chassis.doctor import Point, Seen, cannot_tell, examine, ok, report, unusable, wrong
from opside_chassis.doctor_database import DatabasePoints
from opside_chassis.keyring import KeyRing, SigningKey
from opside_chassis.settings import ServiceSettings, WrongSetting, is_local_url, read

OLDEST_KEY_DAYS = 90
MOST_REQUESTS_PER_MINUTE = 1_000
"""Above this a limit no longer limits anybody."""
REDIS_SECONDS = 10.0
NEIGHBOURS = ("main_api_url", "integrations_url", "payments_url")
_MADE_ON = re.compile(r"-(\d{8})-[0-9a-f]{6}$")
_ROTATE = "rotate it: README, Rotating keys"


@dataclass(frozen=True, slots=True)
class Patient:
    """The service that is looked at."""

    service: str
    schema: str
    settings: ServiceSettings
    database: Database
    alembic_ini: Path = Path("alembic.ini")
    """Beside it are the migrations; in an image that is the working folder."""

    def points(self) -> Sequence[Point]:
        """What every service is asked."""
        database = DatabasePoints(self.service, self.schema, self.database, self.alembic_ini)
        return (*self._of_settings(), *database.points(), *self._of_world())

    def _of_settings(self) -> Sequence[Point]:
        return (
            Point("environment", "S1 S2", self._environment),
            Point("HTTPS of our addresses", "S1 S2 S4", self._https),
            Point("CORS", "S1", self._cors),
            Point("rate limit", "S1 S4", self._rate_limit),
            Point("logs and errors shipped", "S1 S2 S4", self._logs),
            Point("metrics", "S2 S4", self._metrics),
            Point("signing keys known", "S0 S1", self._ring),
            Point("age of the signing key", "S1", self._key_age),
            Point("key files private", "S1", self._key_file),
        )

    def _of_world(self) -> Sequence[Point]:
        reach = "start it, or correct its address"
        return (
            Point("Redis", "S0 S1", self._redis, "correct REDIS_URL, or start the server"),
            *(
                Point(f"{name.upper()} answers", "S0", self._neighbour(name), reach)
                for name in NEIGHBOURS
            ),
            Point("security headers", "S1 S2", self._headers, reach),
        )

    def _environment(self) -> Seen:
        if self.settings.in_production:
            return ok("production: sandboxes and defaults are refused")
        return wrong(f"ENVIRONMENT is {self.settings.environment}", "set ENVIRONMENT=production")

    def _https(self) -> Seen:
        urls = {"APP_URL": getattr(self.settings, "app_url", "https://none")}
        local = [name for name, url in urls.items() if is_local_url(url)]
        if local:
            return wrong(f"{local[0]} is not https", "use the public https address")
        return ok("browsers come over https")

    def _cors(self) -> Seen:
        bad = [one for one in self.settings.cors_allowed_origins if is_local_url(one)]
        if bad:
            return wrong(f"{bad[0]} may call", "leave public https origins in CORS_ALLOWED_ORIGINS")
        return ok(f"{len(self.settings.cors_allowed_origins)} other origins, all https")

    def _rate_limit(self) -> Seen:
        per_minute = self.settings.rate_limit_max_requests
        if per_minute > MOST_REQUESTS_PER_MINUTE:
            return wrong(
                f"{per_minute} requests a minute limit nobody", "lower RATE_LIMIT_MAX_REQUESTS"
            )
        return ok(f"{per_minute} requests a minute per user and per address")

    def _logs(self) -> Seen:
        if self.settings.log_level == "debug":
            return wrong("LOG_LEVEL is debug", "set LOG_LEVEL=info")
        if not (self.settings.sentry_dsn or self.settings.otel_exporter_otlp_endpoint):
            return wrong(
                "errors are told to nobody", "set SENTRY_DSN or OTEL_EXPORTER_OTLP_ENDPOINT"
            )
        return ok("errors or traces are sent on")

    def _metrics(self) -> Seen:
        if not (self.settings.metrics_port or self.settings.otel_exporter_otlp_endpoint):
            return wrong("nobody can watch it", "set METRICS_PORT, and alarms on what it shows")
        return ok("metrics can be read")

    def _ring(self) -> Seen:
        own = SigningKey.from_settings(self.settings, issuer=self.service).verification_key()
        known = KeyRing.from_settings(self.settings).find(own.kid)
        mend = "list the same SERVICE_PUBLIC_KEYS in all services"
        if known is None or known.issuer != self.service:
            return wrong(f"{own.kid} is not in the ring of its own service", mend)
        if known.public_key.public_bytes_raw() != own.public_key.public_bytes_raw():
            return wrong(f"the public key of {own.kid} is not that of its private key", mend)
        issuers = {entry.issuer for entry in self.settings.service_public_keys}
        missing = {"main-api", "integrations-backend", "stripe-payments"} - issuers
        if missing:
            return wrong(f"no key of {min(missing)} is known", mend)
        return ok(f"{len(self.settings.service_public_keys)} public keys, of all three services")

    def _key_age(self) -> Seen:
        return key_age(self.settings.service_key_id)

    def _key_file(self) -> Seen:
        if not self.settings.keys_file:
            return ok("keys stand in the environment; a rotation restarts the services")
        if Path(self.settings.keys_file).stat().st_mode & 0o077:
            return wrong("others may read KEYS_FILE", f"chmod 600 {self.settings.keys_file}")
        return ok("KEYS_FILE is its owner's alone")

    async def _redis(self) -> Seen:
        async with Redis.from_url(
            self.settings.redis_url, socket_connect_timeout=REDIS_SECONDS
        ) as redis:
            await redis.ping()
        return ok("answers")

    def _neighbour(self, name: str) -> "_Neighbour":
        return _Neighbour(getattr(self.settings, name))

    async def _headers(self) -> Seen:
        own = {"main-api": 0, "integrations-backend": 1, "stripe-payments": 2}[self.service]
        answer = await fetch(f"{getattr(self.settings, NEIGHBOURS[own])}/health/live")
        missing = [
            name
            for name in ("strict-transport-security", "x-content-type-options")
            if name not in answer.headers
        ]
        if missing:
            return wrong(f"{missing[0]} is not sent", "the running copy is not in production mode")
        return ok("sent by the running service")


@dataclass(frozen=True, slots=True)
class _Neighbour:
    """One of the three services, asked whether it is ready."""

    url: str

    async def __call__(self) -> Seen:
        answer = await fetch(f"{self.url}/health/ready")
        if answer.status_code != httpx.codes.OK:
            return wrong(f"is not ready ({answer.status_code})", "see its own doctor")
        return ok(f"{urlsplit(self.url).netloc} is ready")


async def fetch(
    url: str, *, method: str = "GET", headers: dict[str, str] | None = None, body: object = None
) -> httpx.Response:
    """One request, as a stranger makes it; raises `httpx.HTTPError` when nobody answers."""
    async with httpx.AsyncClient(timeout=10.0, follow_redirects=False) as client:
        return await client.request(method, url, headers=headers, json=body)


def key_age(kid: str, *, now: datetime | None = None) -> Seen:
    """How old a key is, by the date in its id."""
    made = _MADE_ON.search(kid)
    if made is None:
        return cannot_tell(
            f"the id {kid} has no date", f"if it is over {OLDEST_KEY_DAYS} days old, {_ROTATE}"
        )
    try:
        age = (now or datetime.now(UTC)) - datetime.strptime(f"{made[1]}Z", "%Y%m%d%z")
    except ValueError:
        return cannot_tell(f"the id {kid} has no date", _ROTATE)
    if age.days > OLDEST_KEY_DAYS:
        return wrong(f"{kid} is {age.days} days old", _ROTATE)
    return ok(f"{kid} is {age.days} days old")


Settings = TypeVar("Settings", bound=ServiceSettings)
Own = Callable[[Settings], AbstractAsyncContextManager[Sequence[Point]]]
"""The points of one service alone, with what they need opened for the length of a block."""


@dataclass(frozen=True, slots=True)
class Practice(Generic[Settings]):
    """How one service is looked at: `python -m <package>.commands doctor`."""

    service: str
    schema: str
    settings: type[Settings]
    own: Own[Settings]
    role: str | None = None
    """The duty under which it reads its tables."""

    def obey(self, arguments: argparse.Namespace) -> int:
        """The whole command that `add_command` declares; answers its exit code."""
        return asyncio.run(self.see(as_json=arguments.json, alembic_ini=arguments.alembic_ini))

    async def see(self, *, as_json: bool, alembic_ini: Path) -> int:
        """Look, print, and answer the exit code: 1 when anything is wrong."""
        try:
            settings = read(self.settings)
        except WrongSetting as problem:
            return report(unusable(self.service, problem), as_json=as_json)
        database = Database.connect(
            settings.database_url, application_name=f"{self.service} doctor", role=self.role
        )
        patient = Patient(self.service, self.schema, settings, database, alembic_ini)
        try:
            async with self.own(settings) as own:
                findings = await examine(self.service, [*patient.points(), *own])
        finally:
            await database.close()
        return report(findings, as_json=as_json)


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command's arguments, the same in every service."""
    doctor = commands.add_parser("doctor", help="is this installation fit for production?")
    doctor.add_argument("--json", action="store_true", help="one JSON object a line")
    doctor.add_argument("--alembic-ini", type=Path, default=Path("alembic.ini"))
