"""Connections of the bare driver, for statements that are transactions of their own.

A session of SQLAlchemy, or a pool that resets what it gets back, costs more than such a statement
itself. It leaves nothing on its connection: no open transaction, no setting that outlives it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

DATABASE_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CannotConnectNowError,
    OSError,
)
"""What `execute` raises when the server cannot be reached, or was lost in the middle."""


class DriverPool:
    """A few connections, opened when they are needed, each running one statement at a time."""

    def __init__(
        self, url: str, *, size: int, timeout: float, server_settings: dict[str, str]
    ) -> None:
        self._url = url
        self._timeout = timeout
        self._server_settings = server_settings
        self._places = asyncio.Semaphore(size)
        self._idle: list[asyncpg.Connection] = []

    async def execute(self, statement: str, *values: object) -> str:
        """Run one statement and commit it; answers its command tag (`INSERT 0 1`).

        Raises:
            asyncpg.PostgresError: it was refused, and undone as a whole.
        """
        async with self._connection() as connection:
            tag: str = await connection.execute(statement, *values)
            return tag

    async def fetchrow(self, statement: str, *values: object) -> asyncpg.Record | None:
        """The same, answering the first row."""
        async with self._connection() as connection:
            return await connection.fetchrow(statement, *values)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        async with self._places:
            connection = await self._take()
            try:
                yield connection
            except asyncpg.PostgresError:
                self._idle.append(connection)
                raise
            except BaseException:
                # Cancelled or lost in the middle: what the server does with it is unknown here.
                connection.terminate()
                raise
            self._idle.append(connection)

    async def close(self) -> None:
        """Close the connections; no statement runs any more."""
        while self._idle:
            await self._idle.pop().close()

    async def _take(self) -> asyncpg.Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return await asyncpg.connect(
            self._url, timeout=self._timeout, server_settings=self._server_settings
        )
