"""Sessions that a WebSocket listens with: one question to Postgres for all of them, every second.

A request reads its session when it comes; a socket stays, and must not outlive the sign-out by more
than a moment. No hint through Redis could be trusted alone, and this question is cheap enough.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum, auto

from main_api.sessions import queries
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions

LOOK_SECONDS = 1.0
UNKNOWN_SECONDS = 15.0
"""A database that restarts ends no socket; one that is away longer ends all, since nobody can say
whose they are."""

_log = logging.getLogger(__name__)


class Ending(Enum):
    """Why a socket must be closed."""

    SESSION_ENDED = auto()
    """Signed out here or elsewhere, revoked, expired, or its user was erased."""
    UNKNOWN = auto()
    """The sessions could not be read for too long."""


class SessionWatch:
    """The sessions with an open socket in this process."""

    def __init__(
        self, sessions: Sessions, clock: Clock, *, unknown_seconds: float = UNKNOWN_SECONDS
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._unknown_seconds = unknown_seconds
        self._open: dict[asyncio.Future[Ending], str] = {}
        self._read_at = time.monotonic()

    @asynccontextmanager
    async def over(self, session_id: str) -> AsyncIterator[asyncio.Future[Ending]]:
        """What is done as soon as the session has ended."""
        ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._open[ending] = session_id
        try:
            yield ending
        finally:
            del self._open[ending]

    @asynccontextmanager
    async def looking(self) -> AsyncIterator["SessionWatch"]:
        """Look for the length of a block."""
        looker = asyncio.create_task(self._look())
        try:
            yield self
        finally:
            looker.cancel()
            await asyncio.gather(looker, return_exceptions=True)

    async def _look(self) -> None:
        while True:
            watched = dict(self._open)
            try:
                live = await self._live(set(watched.values()))
            except Exception as error:  # noqa: BLE001 - whatever it was, the next look may succeed
                _log.warning("open sockets' sessions cannot be read: %s", type(error).__name__)
                if time.monotonic() - self._read_at > self._unknown_seconds:
                    _end(watched, Ending.UNKNOWN)
            else:
                self._read_at = time.monotonic()
                ended = {one: session for one, session in watched.items() if session not in live}
                _end(ended, Ending.SESSION_ENDED)
            await asyncio.sleep(LOOK_SECONDS)

    async def _live(self, session_ids: set[str]) -> set[str]:
        if not session_ids:
            return set()
        return await queries.live_among(self._sessions, session_ids, self._clock())


def _end(windows: dict[asyncio.Future[Ending], str], why: Ending) -> None:
    for ending in windows:
        if not ending.done():
            ending.set_result(why)
