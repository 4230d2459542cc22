"""Connections of the bare driver, for statements that are transactions of their own.

SQLAlchemy's sessions cost more than such a statement itself. Nothing may be left on a connection: no
open transaction, no setting that outlives the statement; nothing is reset between two users.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg


class DriverPool:
    """Opens with its first statement; connections that are idle for long are closed again."""

    def __init__(
        self, url: str, *, size: int, timeout: float, server_settings: dict[str, str]
    ) -> None:
        self._url = url
        self._size = size
        self._timeout = timeout
        self._server_settings = server_settings
        self._opening = asyncio.Lock()
        self._pool: asyncpg.Pool | None = None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A live connection, given back on leaving."""
        async with (self._pool or await self._opened()).acquire() as connection:
            yield connection

    async def close(self) -> None:
        """Close every connection once it is given back."""
        if self._pool is not None:
            await self._pool.close()

    async def _opened(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._url,
                    min_size=0,
                    max_size=self._size,
                    reset=_keep,
                    timeout=self._timeout,
                    server_settings=self._server_settings,
                )
            return self._pool


async def _keep(_connection: object) -> None:
    """There is nothing to reset; the driver's own reset is a round trip."""
