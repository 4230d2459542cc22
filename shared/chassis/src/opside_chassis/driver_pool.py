"""Connections of the bare driver, for statements that are transactions of their own.

A session of SQLAlchemy, or a pool that resets what it gets back, costs more than such a statement
itself. It leaves nothing on its connection: no open transaction, no setting that outlives it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import asyncpg

from opside_chassis.database_errors import as_unavailable, database_away, database_busy

PLACE_TIMEOUT_SECONDS = 5.0
"""Whoever waits longer for a connection is told to come again."""

Connect = Callable[[], Awaitable[asyncpg.Connection]]


async def connect(
    url: str, *, patience_seconds: float, server_settings: Mapping[str, str]
) -> asyncpg.Connection:
    """A connection of the bare driver.

    Raises:
        Unavailable: the server cannot be reached, or takes no more connections.
    """
    try:
        return await asyncpg.connect(
            url, timeout=patience_seconds, server_settings=dict(server_settings)
        )
    except (OSError, TimeoutError) as error:
        raise database_away() from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise as_unavailable(error) or error from error


class DriverPool:
    """A few connections, opened when they are needed, each running one statement at a time."""

    def __init__(self, connect: Connect, *, size: int) -> None:
        self._connect = connect
        self._places = asyncio.Semaphore(size)
        self._idle: list[asyncpg.Connection] = []

    async def execute(self, statement: str, *values: object) -> str:
        """Run one statement and commit it; answers its command tag (`INSERT 0 1`).

        Raises:
            asyncpg.PostgresError: it was refused, and undone as a whole.
            Unavailable: the server cannot be reached, or all connections are taken for too long.
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
        await self._wait_for_place()
        try:
            connection = await self._take()
            try:
                yield connection
            except asyncpg.PostgresError:
                self._idle.append(connection)
                raise
            except OSError as error:
                connection.terminate()
                raise database_away() from error
            except BaseException:
                # Cancelled or lost in the middle: what the server does with it is unknown here.
                connection.terminate()
                raise
            self._idle.append(connection)
        finally:
            self._places.release()

    async def _wait_for_place(self) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(PLACE_TIMEOUT_SECONDS):
                await self._places.acquire()
        except TimeoutError as error:
            raise database_busy() from error

    async def close(self) -> None:
        """Close the connections; no statement runs any more."""
        while self._idle:
            await self._idle.pop().close()

    async def _take(self) -> asyncpg.Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return await self._connect()
