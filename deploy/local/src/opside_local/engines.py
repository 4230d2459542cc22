"""Postgres and Redis of one copy: embedded, or the servers that the environment names."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from opside_chassis.testing.engines import EmbeddedPostgres, EmbeddedRedis

DATABASE = "opside"


@asynccontextmanager
async def open_postgres(
    folder: Path, *, port: int, libraries: Sequence[str] = ()
) -> AsyncIterator[str]:
    """The administrator's address of the product's database, which exists.

    `libraries` are what an embedded server loads at its start.

    DATABASE_URL, when set, names a server of the caller's: its administrator and its database.
    Raises `opside_chassis.testing.engines.EngineFailed`.
    """
    named = os.environ.get("DATABASE_URL")
    if named:
        yield named
        return
    # Started in this thread: the kernel ends the server together with the thread that forked it.
    with EmbeddedPostgres(folder / "postgres", port=port, libraries=libraries) as server:
        await _make_database(server.url())
        yield server.url(DATABASE)


@asynccontextmanager
async def open_redis(folder: Path, *, port: int) -> AsyncIterator[str]:
    """REDIS_URL of the caller's server, or of an embedded one that keeps nothing."""
    named = os.environ.get("REDIS_URL")
    if named:
        yield named
        return
    with EmbeddedRedis(folder / "redis", port=port) as server:
        yield server.url


async def _make_database(admin_url: str) -> None:
    connection = await asyncpg.connect(admin_url)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        await connection.close()
