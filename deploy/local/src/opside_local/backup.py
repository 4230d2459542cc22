"""`make backup` and `make restore`: everything that is kept, in one folder, and back, proven.

A backup is one moment of all three schemas: `pg_dump` and the count of every table read the same snapshot,
while the system works on. Documents are copied after it, so that every one that a row names is there.
The keys are not in it (whoever finds a backup must not be able to open the vault): keep `secrets.json` and
`keys/`, or the settings of your installation, elsewhere.
"""

import asyncio
import hashlib
import os
import shutil
import subprocess
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
from pydantic import BaseModel, ValidationError
from sqlalchemy import make_url

from opside_chassis.database import driver_url
from opside_chassis.migration import bootstrap
from opside_chassis.testing.engines import EmbeddedPostgres, postgres_tool
from opside_local.engines import DATABASE, open_postgres
from opside_local.folders import OWNER_ONLY, StateFolder
from opside_local.ports import free_ports, remembered_ports
from opside_local.secrets import SCHEMAS, SecretsFile

DUMP, DOCUMENTS, MANIFEST = "database.dump", "documents.zip", "manifest.json"
FOLDERS = ("archive", "evidence")
"""Of the state folder: reports as received, what sellers uploaded."""
_JOURNALS = "payments.journals"
_UNBALANCED = """
SELECT count(*) FROM (
    SELECT journal_id FROM payments.postings GROUP BY journal_id, currency HAVING sum(amount_minor) <> 0
) AS unbalanced
"""


class BackupFailed(Exception):
    """A sentence that says what is wrong and how to mend it."""


class Manifest(BaseModel):
    """What a backup holds, to be compared after it was restored."""

    taken_at: datetime
    rows: dict[str, int]
    """Of every table, by `schema.table`, in the snapshot of the dump."""
    sha256: dict[str, str]
    """Of every file beside this one."""

    @property
    def summary(self) -> str:
        """One line for a person."""
        total = sum(self.rows.values())
        return f"{len(self.rows)} tables, {total} rows, {self.rows.get(_JOURNALS, 0)} journals"


def back_up(state: StateFolder, folder: Path) -> Manifest:
    """Write a backup of this copy (or of DATABASE_URL) into a new folder, running or not.

    Raises:
        BackupFailed: the folder exists, or the database cannot be dumped.
    """
    if folder.exists():
        raise BackupFailed(f"{folder} exists; mend: name a folder that does not")
    if not os.environ.get("DATABASE_URL") and not state.file("postgres").exists():
        raise BackupFailed(f"{state.path} has no data; mend: make up first, or set DATABASE_URL")
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True, mode=OWNER_ONLY)
    try:
        taken_at, rows = asyncio.run(_dump_of(state, unfinished / DUMP))
        _pack(state, unfinished / DOCUMENTS)
        sums = {name: _sha256(unfinished / name) for name in (DUMP, DOCUMENTS)}
        manifest = Manifest(taken_at=taken_at, rows=rows, sha256=sums)
        (unfinished / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    unfinished.rename(folder)
    return manifest


def restore(state: StateFolder, folder: Path) -> Manifest:
    """Bring a backup back into an empty copy (or an empty DATABASE_URL) and prove it.

    Raises:
        BackupFailed: the backup is damaged, the place is not empty, or a table came back otherwise.
        AlreadyRunning: the copy is in use.
    """
    manifest = _checked(folder)
    state = StateFolder.made(state.path)
    with state.hold():
        _refuse_documents(state)
        asyncio.run(_fill(state, folder / DUMP, manifest))
        with zipfile.ZipFile(folder / DOCUMENTS) as packed:
            packed.extractall(state.path)
    return manifest


@asynccontextmanager
async def _database_of(state: StateFolder) -> AsyncIterator[str]:
    """The administrator's address; a copy that stands still is started for as long as it takes."""
    if os.environ.get("DATABASE_URL") or not state.is_in_use():
        with state.hold():
            ports = free_ports(state.file("ports.json"))
            async with open_postgres(state.path, port=ports.postgres) as url:
                yield url
        return
    running = EmbeddedPostgres(
        state.file("postgres"), port=remembered_ports(state.file("ports.json")).postgres
    )
    yield running.url(DATABASE)


async def _dump_of(state: StateFolder, file: Path) -> tuple[datetime, dict[str, int]]:
    async with _database_of(state) as url:
        return await _dump(url, file)


async def _fill(state: StateFolder, dump: Path, manifest: Manifest) -> None:
    ports = free_ports(state.file("ports.json"))
    async with open_postgres(state.path, port=ports.postgres) as url:
        await _refuse_data(url)
        await _make_roles(url, state)
        _pg("pg_restore", url, "--exit-on-error", "--single-transaction", str(dump))
        await _prove(url, manifest)


async def _dump(url: str, file: Path) -> tuple[datetime, dict[str, int]]:
    connection = await asyncpg.connect(driver_url(url))
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
            schemas = [f"--schema={schema}" for schema in SCHEMAS.values()]
            _pg(
                "pg_dump",
                url,
                "--format=custom",
                f"--snapshot={snapshot}",
                *schemas,
                f"--file={file}",
            )
            return datetime.now(UTC), await _count(connection)
    finally:
        await connection.close()


async def _count(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[str, int]:
    tables = await connection.fetch(
        "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
        " WHERE schemaname = ANY($1) ORDER BY 1",
        list(SCHEMAS.values()),
    )
    return {
        table["name"]: await connection.fetchval(f"SELECT count(*) FROM {table['name']}")  # noqa: S608
        for table in tables
    }


def _refuse_documents(state: StateFolder) -> None:
    for folder in map(state.file, FOLDERS):
        if folder.exists() and any(folder.iterdir()):
            raise BackupFailed(f"{folder} is not empty; mend: make clean, or --state <new folder>")


async def _refuse_data(url: str) -> None:
    connection = await asyncpg.connect(driver_url(url))
    try:
        if found := await _count(connection):
            raise BackupFailed(
                f"the database holds {len(found)} tables already; mend: restore into an empty one"
                " (make clean, or --state <new folder>)"
            )
    finally:
        await connection.close()


async def _make_roles(url: str, state: StateFolder) -> None:
    """Roles belong to the server and are in no dump; the schemas come from the dump."""
    secrets = SecretsFile(state.file("secrets.json")).secrets
    for schema in SCHEMAS.values():
        passwords = secrets.database[schema]
        await bootstrap(
            url, schema=schema, owner_password=passwords.owner, app_password=passwords.app
        )
    connection = await asyncpg.connect(driver_url(url))
    try:
        for schema in SCHEMAS.values():
            await connection.execute(f"DROP SCHEMA {schema} CASCADE")
    finally:
        await connection.close()


async def _prove(url: str, manifest: Manifest) -> None:
    connection = await asyncpg.connect(driver_url(url))
    try:
        found = await _count(connection)
        unbalanced = await connection.fetchval(_UNBALANCED)
    finally:
        await connection.close()
    differ = sorted(
        name for name in {*found, *manifest.rows} if found.get(name) != manifest.rows.get(name)
    )
    if differ:
        raise BackupFailed(f"tables came back otherwise: {', '.join(differ)}")
    if unbalanced:
        raise BackupFailed(f"{unbalanced} journals do not sum to zero")


def _checked(folder: Path) -> Manifest:
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError) as error:
        raise BackupFailed(f"{folder} is no backup of ours ({type(error).__name__})") from None
    for name, expected in manifest.sha256.items():
        if not (folder / name).exists() or _sha256(folder / name) != expected:
            raise BackupFailed(f"{folder / name} is damaged: its checksum differs")
    return manifest


def _pg(tool: str, url: str, *arguments: str) -> None:
    """Run a tool of Postgres on this database; the password stays out of the process list."""
    address = make_url(url).set(drivername="postgresql")
    without = address.set(password=None).render_as_string(hide_password=False)
    done = subprocess.run(
        [str(postgres_tool(tool)), f"--dbname={without}", *arguments],
        env={**os.environ, "PGPASSWORD": address.password or ""},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise BackupFailed(f"{tool}: {done.stderr.strip()}")


def _pack(state: StateFolder, file: Path) -> None:
    """Stored, not packed tighter: reports are Parquet, evidence mostly PDF."""
    with zipfile.ZipFile(file, "w", strict_timestamps=False) as packed:
        for folder in map(state.file, FOLDERS):
            for document in sorted(folder.rglob("*")):
                with suppress(FileNotFoundError):  # replaced while we looked
                    packed.write(document, document.relative_to(state.path))


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
