"""Hints through Redis that a sync has changed. One may be lost: the truth is in Postgres."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Self

from redis.asyncio import Redis
from redis.exceptions import RedisError

from opside_chassis.jobs import Handler
from opside_chassis.outbox import StagedJob

CHANNEL = "opside:integrations:sync_progress"
TELL_SECONDS = 0.2
"""A hint must never cost more than this."""
PAUSE_SECONDS = 5.0
"""After a failure Redis is left alone this long."""
RECONNECT_SECONDS = 1.0

_log = logging.getLogger(__name__)


class ProgressHints:
    """Workers tell, doors listen."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._back_at = float("-inf")
        self.heard = False
        """Whether this process hears what others tell; without it only looking helps."""

    @classmethod
    def connect(cls, url: str) -> Self:
        """Connects at the first use."""
        return cls(Redis.from_url(url, socket_connect_timeout=RECONNECT_SECONDS))

    async def tell(self, sync_id: str) -> None:
        """Say that a sync has changed; never fails."""
        if time.monotonic() < self._back_at:
            return
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await self._redis.publish(CHANNEL, sync_id)
        except (RedisError, OSError, TimeoutError) as error:
            self._back_at = time.monotonic() + PAUSE_SECONDS
            _log.warning("nobody is told of a sync's progress: %s", type(error).__name__)

    async def listen(self, heard: Callable[[str], None]) -> None:
        """Call `heard` with the id of each sync that is told of, until cancelled."""
        while True:
            try:
                async with self._redis.pubsub() as messages:
                    await messages.subscribe(CHANNEL)
                    self.heard = True
                    async for message in messages.listen():
                        if message["type"] == "message":
                            heard(message["data"].decode())
            except (RedisError, OSError) as error:
                _log.warning("no progress is heard from Redis: %s", type(error).__name__)
            finally:
                self.heard = False
            await asyncio.sleep(RECONNECT_SECONDS)

    def after(self, advance: Handler) -> Handler:
        """The same handler, which tells of its sync after each run, however it went."""

        async def advance_and_tell(job: StagedJob) -> None:
            try:
                await advance(job)
            finally:
                await self.tell(job.payload["syncId"])

        return advance_and_tell

    async def close(self) -> None:
        """Give the connections back."""
        with suppress(RedisError, OSError):
            await self._redis.aclose()


@asynccontextmanager
async def open_hints(redis_url: str) -> AsyncIterator[ProgressHints]:
    """Hints for the length of a block."""
    hints = ProgressHints.connect(redis_url)
    try:
        yield hints
    finally:
        await hints.close()
