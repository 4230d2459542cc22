"""Where bursts of events come in: what comes while statements run is stored by the next, together.

A commit costs the same for one event as for many. Nobody waits for others to come: an event that finds
few statements under way is stored at once, alone.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from opside_chassis.database import Sessions, driver_beside
from opside_chassis.database_errors import as_unavailable
from opside_chassis.ids import new_id
from opside_chassis.inbox import InboxEvent
from opside_chassis.outbox import current_trace_parent

WRITERS = 4
"""Statements under way at a time: Postgres makes their commits durable together."""
MOST_AT_ONCE = 50
"""Events of a statement."""

_STORE = """
    WITH given AS (
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                             $7::text[], $8::text[], $9::text[])
            AS columns (id, source, account, event_id, type, payload, job_id, kind, trace_parent)
    ), stored AS (
        INSERT INTO inbox (id, source, account, event_id, type, payload, status)
        SELECT id, source, account, event_id, type, CAST(payload AS jsonb),
               CASE WHEN kind IS NULL THEN 'ignored' ELSE 'received' END
          FROM given
        ON CONFLICT (source, account, event_id) DO NOTHING
        RETURNING id
    ), staged AS (
        INSERT INTO outbox (id, kind, payload, trace_parent)
        SELECT job_id, kind, jsonb_build_object('inboxId', id), trace_parent
          FROM stored JOIN given USING (id)
         WHERE kind IS NOT NULL
    )
    SELECT array_agg(id) AS ids FROM stored
"""


class _Row(NamedTuple):
    """In the order of the statement's arrays."""

    id: str
    source: str
    account: str
    event_id: str
    type: str
    payload: str
    job_id: str
    kind: str | None
    trace_parent: str | None
    """Of the delivery: its job goes on in the same trace, whoever's statement stored it."""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.source, self.account, self.event_id


class _Waiting(NamedTuple):
    row: _Row
    is_new: "asyncio.Future[bool]"


class Intake:
    """The door of one process."""

    def __init__(self, sessions: Sessions) -> None:
        self._driver = driver_beside(sessions)
        self._waiting: list[_Waiting] = []
        self._writers: set[asyncio.Task[None]] = set()

    async def receive(self, event: InboxEvent, *, kind: str) -> bool:
        """`inbox.receive`, committed. Answers False for a repeat.

        Raises:
            asyncpg.PostgresError: this event was refused, and nothing of it is stored.
            Unavailable: the database is away or busy.
        """
        return await self._store(event, kind)

    async def ignore(self, event: InboxEvent) -> bool:
        """Keep an event that nobody handles: it is at rest from the start, and has no job."""
        return await self._store(event, None)

    async def _store(self, event: InboxEvent, kind: str | None) -> bool:
        row = _Row(
            new_id("inb"),
            event.source,
            event.account,
            event.event_id,
            event.type,
            event.payload_text,
            new_id("obx"),
            kind,
            current_trace_parent(),
        )
        is_new: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(row, is_new))
        if len(self._writers) < WRITERS:
            writer = asyncio.create_task(self._write_all())
            self._writers.add(writer)
            writer.add_done_callback(self._writers.discard)
        return await is_new

    async def _write_all(self) -> None:
        while self._waiting:
            together = self._waiting[:MOST_AT_ONCE]
            del self._waiting[:MOST_AT_ONCE]
            await self._write(together)

    async def _write(self, together: Sequence[_Waiting]) -> None:
        # In one order everywhere: two processes that are given the same events must not deadlock.
        rows = sorted((one.row for one in together), key=lambda row: row.key)
        try:
            found = await self._driver.fetchrow(_STORE, *map(list, zip(*rows, strict=True)))
        except asyncpg.PostgresError as error:
            if len(together) == 1 or as_unavailable(error) is not None:
                _fail(together, error)
            else:
                # One of them was refused; which one, only each alone can tell.
                for one in together:
                    await self._write([one])
        except BaseException as error:
            _fail(together, error)
            if not isinstance(error, Exception):
                raise
        else:
            stored = set(found["ids"] or ()) if found is not None else set()
            for one in together:
                if not one.is_new.done():
                    one.is_new.set_result(one.row.id in stored)


def _fail(together: Sequence[_Waiting], error: BaseException) -> None:
    for one in together:
        if not one.is_new.done():
            one.is_new.set_exception(error)
