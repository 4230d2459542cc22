"""Syncs that somebody watches: one look into Postgres for all his windows, as often as something changes."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from integrations_backend.sync.own_syncs import read_status
from integrations_backend.sync.progress_hints import ProgressHints, open_hints
from integrations_backend.sync.schemas import SyncStatus
from opside_chassis.database import Sessions
from opside_chassis.errors import TooManyRequests, Unavailable

MOST_PER_USER = 10
"""Windows of one user that one process serves."""
MOST_AT_ALL = 2_000
HEARTBEAT_SECONDS = 20.0
"""The same status is told again after so long, so that a page knows a dead line from a slow sync."""
LOOK_SECONDS = 5.0
LOOK_UNTOLD_SECONDS = 1.0
"""How often Postgres is looked into without a hint, and while none can be heard."""
CALM_SECONDS = 0.2
"""A burst of hints is one look."""
RETRY_SECONDS = 30

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Watched:
    """A sync, its newest status, and who waits for the next."""

    status: SyncStatus
    watchers: int = 0
    version: int = 1
    hint: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)
    looking: asyncio.Task[None] | None = None

    async def becomes(self, status: SyncStatus) -> None:
        if status != self.status:
            async with self.news:
                self.status, self.version = status, self.version + 1
                self.news.notify_all()


@dataclass(slots=True)
class Watch:
    """One window. It holds no queue: who is slow misses what was between, never the newest."""

    _watched: _Watched
    _heartbeat_seconds: float
    _seen: int = 0

    async def next(self) -> SyncStatus:
        """The newest status that was not given yet; the same again after the heartbeat's time."""
        watched = self._watched
        with suppress(TimeoutError):
            async with asyncio.timeout(self._heartbeat_seconds), watched.news:
                await watched.news.wait_for(lambda: watched.version > self._seen)
        self._seen = watched.version
        return watched.status


class ProgressHub:
    """The watched syncs of this process."""

    def __init__(
        self,
        sessions: Sessions,
        hints: ProgressHints,
        *,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._sessions = sessions
        self._hints = hints
        self._heartbeat_seconds = heartbeat_seconds
        self._watched: dict[tuple[str, str], _Watched] = {}
        self._windows: Counter[str] = Counter()

    async def tell(self, sync_id: str) -> None:
        """Say to every process that a sync has changed."""
        await self._hints.tell(sync_id)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["ProgressHub"]:
        """Hear hints for the length of a block."""
        listener = asyncio.create_task(self._hints.listen(self._heard))
        try:
            yield self
        finally:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)

    @asynccontextmanager
    async def watch(self, *, user_id: str, sync_id: str) -> AsyncIterator[Watch]:
        """A window on a sync.

        Raises:
            NoSuchSync: unknown, or of somebody else.
            TooManyRequests, Unavailable: the user, or all together, have too many windows.
        """
        if self._windows[user_id] >= MOST_PER_USER:
            raise TooManyRequests("Too many open windows.", retry_after_seconds=RETRY_SECONDS)
        if self._windows.total() >= MOST_AT_ALL:
            raise Unavailable("Too many watch right now.", retry_after_seconds=RETRY_SECONDS)
        self._windows[user_id] += 1
        try:
            watched = await self._begin(user_id, sync_id)
            try:
                yield Watch(watched, self._heartbeat_seconds)
            finally:
                self._leave(user_id, sync_id, watched)
        finally:
            self._windows[user_id] -= 1
            if not self._windows[user_id]:
                del self._windows[user_id]

    async def _begin(self, user_id: str, sync_id: str) -> _Watched:
        status = await read_status(self._sessions, user_id=user_id, sync_id=sync_id)
        watched = self._watched.setdefault((user_id, sync_id), _Watched(status))
        watched.watchers += 1
        await watched.becomes(status)
        if watched.looking is None:
            watched.looking = asyncio.create_task(self._look(user_id, sync_id, watched))
        return watched

    def _leave(self, user_id: str, sync_id: str, watched: _Watched) -> None:
        watched.watchers -= 1
        if watched.watchers == 0:
            self._watched.pop((user_id, sync_id), None)
            if watched.looking is not None:
                watched.looking.cancel()

    async def _look(self, user_id: str, sync_id: str, watched: _Watched) -> None:
        while watched.status.status == "running":
            pause = LOOK_SECONDS if self._hints.heard else LOOK_UNTOLD_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await watched.hint.wait()
            watched.hint.clear()
            try:
                status = await read_status(self._sessions, user_id=user_id, sync_id=sync_id)
            except Exception as error:  # noqa: BLE001 - a database that restarts ends no window
                _log.warning("a sync's progress cannot be read: %s", type(error).__name__)
                await asyncio.sleep(LOOK_UNTOLD_SECONDS)
            else:
                await watched.becomes(status)
                await asyncio.sleep(CALM_SECONDS)

    def _heard(self, sync_id: str) -> None:
        for (_, watched_id), watched in self._watched.items():
            if watched_id == sync_id:
                watched.hint.set()


@asynccontextmanager
async def open_progress(sessions: Sessions, redis_url: str) -> AsyncIterator[ProgressHub]:
    """The hub of a door, hearing hints for the length of a block."""
    async with open_hints(redis_url) as hints, ProgressHub(sessions, hints).listening() as hub:
        yield hub
