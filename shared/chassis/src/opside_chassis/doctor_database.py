"""The points of readiness that a service's own role sees in its database."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from opside_chassis.database import Database, check_application_role
from opside_chassis.doctor import Point, Seen, cannot_tell, ok, wrong
from opside_chassis.health import QUEUE_PATIENCE_SECONDS

CLOCK_TOLERANCE_SECONDS = 5.0
"""Tokens bear 30 s; half of that on each machine and some are refused."""
_TLS = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@dataclass(frozen=True, slots=True)
class DatabasePoints:
    """One service's schema, seen as its application role."""

    service: str
    schema: str
    database: Database
    alembic_ini: Path

    def points(self) -> Sequence[Point]:
        """In the order in which they are mended."""
        mend = "correct DATABASE_URL, or start the server"
        return (
            Point("database", "S0 S1 S2", self._connects, mend),
            Point("encrypted database connection", "S1", self._encrypted, mend),
            Point("role of the application", "S3", self._role, mend),
            Point("migrations", "S1 S2 S4", self._migrations, mend),
            Point("row security", "S2", self._row_security, mend),
            Point("clock", "S0", self._clock, mend),
            Point("worker", "S1 S4", self._worker, mend),
            Point("jobs waiting", "S1 S4", self._backlog, mend),
            Point("jobs given up", "S1 S4", self._parked, mend),
            Point("backups", "S4", self._backups, mend),
        )

    async def _row(self, query: str) -> dict[str, object]:
        names = {"schema": self.schema, "relay": f"{self.service} relay"}
        async with self.database.engine.connect() as connection:
            if query is _TLS:  # a duty may not see how its login role came in
                await connection.execute(text("SET LOCAL ROLE NONE"))
            found = await connection.execute(text(query), names)
            return dict(found.mappings().one())

    async def _connects(self) -> Seen:
        await self._row("SELECT 1")
        return ok("answers")

    async def _encrypted(self) -> Seen:
        row = await self._row(_TLS)
        if not row["ssl"]:
            return wrong("the connection is not encrypted", "add ?sslmode=verify-full")
        if self.database.engine.url.query.get("ssl") != "verify-full":
            return ok("encrypted; sslmode=verify-full would also check who answers")
        return ok("encrypted, and the server is checked")

    async def _role(self) -> Seen:
        await check_application_role(self.database.engine, self.schema, durable=True)
        return ok("owns nothing, skips nothing; the server keeps what it commits")

    async def _migrations(self) -> Seen:
        if not self.alembic_ini.exists():
            return cannot_tell(
                f"{self.alembic_ini} is not here", "run it in the image, or name --alembic-ini"
            )
        config = Config()
        config.set_main_option("script_location", str(self.alembic_ini.parent / "migrations"))
        newest = ScriptDirectory.from_config(config).get_current_head()
        try:
            row = await self._row(f"SELECT version_num FROM {self.schema}.alembic_version")  # noqa: S608
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != "42501":
                raise
            return cannot_tell(
                "this role may not see the version", "run `alembic current` as the owner"
            )
        if row["version_num"] != newest:
            return wrong(
                f"the schema is at {row['version_num']}, the code at {newest}",
                "run `alembic upgrade head` as the owner",
            )
        return ok(f"at {newest}")

    async def _row_security(self) -> Seen:
        row = await self._row(
            """
            SELECT count(*) AS tables, min(c.relname) FILTER (
                       WHERE NOT (c.relrowsecurity AND c.relforcerowsecurity)) AS open
              FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = :schema AND c.relkind IN ('r', 'p') AND NOT c.relispartition
               AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid
                              AND a.attname = 'user_id' AND NOT a.attisdropped)
            """
        )
        if row["open"]:
            return wrong(
                f"{row['open']} shows every tenant's rows", "FORCE ROW LEVEL SECURITY on it"
            )
        return ok(f"on and forced on {row['tables']} tables of tenants")

    async def _clock(self) -> Seen:
        row = await self._row("SELECT extract(epoch FROM clock_timestamp())::float8 AS now")
        apart = abs(float(str(row["now"])) - time.time())
        if apart > CLOCK_TOLERANCE_SECONDS:
            return wrong(f"{apart:.0f} s away from the database's", "run a time service on both")
        return ok("agrees with the database's")

    async def _worker(self) -> Seen:
        row = await self._row(
            "SELECT count(*) AS number FROM pg_stat_activity"
            " WHERE application_name = :relay AND datname = current_database()"
        )
        if not row["number"]:
            return wrong("no worker is at work", "start one: python -m <package>.worker")
        return ok(f"{row['number']} at work")

    async def _backlog(self) -> Seen:
        row = await self._row(
            f"""
            SELECT count(*) FILTER (WHERE due_at < now() - make_interval(
                       secs => {QUEUE_PATIENCE_SECONDS})) AS late, count(*) AS waiting
              FROM {self.schema}.outbox WHERE status = 'waiting'
            """  # noqa: S608 - constants of ours
        )
        if row["late"]:
            return wrong(f"{row['late']} jobs are due and nobody takes them", "look at the worker")
        return ok(f"{row['waiting']} wait, none is late")

    async def _parked(self) -> Seen:
        row = await self._row(
            f"SELECT count(*) AS number FROM {self.schema}.outbox WHERE status = 'parked'"  # noqa: S608
        )
        if row["number"]:
            return wrong(
                f"{row['number']} jobs were given up", "see the open cases; retry or close"
            )
        return ok("none")

    async def _backups(self) -> Seen:
        row = await self._row("SELECT current_setting('archive_mode') AS mode")
        if row["mode"] == "off":
            return cannot_tell(
                "the server archives no log by itself",
                "see that snapshots or a log archive are on, and restore one",
            )
        return ok("the server archives its log; restore one now and then")
