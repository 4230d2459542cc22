"""Keeps every call inside the seller's usage plan, whichever worker makes it."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from redis.exceptions import RedisError

from integrations_backend.amazon_api.buckets import Bucket, LocalBuckets
from integrations_backend.amazon_api.errors import Throttled
from integrations_backend.amazon_api.shared_buckets import TIMEOUT_SECONDS, SharedBuckets
from integrations_backend.amazon_api.usage_plans import PLANS

REDIS_PAUSE_SECONDS = 5.0
"""After a failure Redis is left alone this long, so that each call does not wait for it."""

_log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(slots=True)
class Pacing:
    """Redis' buckets and this worker's own. A call needs a token of both.

    The own ones are all there is while Redis is away, and remember what a wiped Redis has forgotten.
    """

    shared: SharedBuckets | None = None
    clock: Callable[[], float] = time.monotonic
    local: LocalBuckets = field(default_factory=LocalBuckets)
    _shared_back_at: float = float("-inf")

    async def take(self, bucket: Bucket) -> None:
        """Take a token for one call.

        Raises:
            Throttled: there is none yet; the call must not be made.
        """
        plan = PLANS[bucket.operation]
        wait = self.local.wait(bucket, plan, self.clock())
        if wait <= 0:
            wait = await self._ask(lambda shared: shared.take(bucket, plan), instead=0.0)
        if wait > 0:
            raise Throttled(bucket.operation, wait)
        self.local.take(bucket, plan, self.clock())

    async def answered(self, bucket: Bucket, told_rate: float | None) -> None:
        """Amazon took the call; its header tells the rate it keeps, or says nothing."""
        plan = PLANS[bucket.operation]
        self.local.answered(bucket, plan, told_rate, self.clock())
        await self._ask(lambda shared: shared.answered(bucket, plan, told_rate), instead=None)

    async def refused(self, bucket: Bucket, retry_after: float | None) -> Throttled:
        """Amazon answered 429; the error to raise tells how long all workers now wait."""
        plan, jitter = PLANS[bucket.operation], random.random()  # noqa: S311 - no secret
        pause = self.local.refused(
            bucket, plan, retry_after=retry_after, jitter=jitter, now=self.clock()
        )
        shared_pause = await self._ask(
            lambda shared: shared.refused(bucket, plan, retry_after=retry_after, jitter=jitter),
            instead=pause,
        )
        return Throttled(bucket.operation, max(pause, shared_pause))

    async def close(self) -> None:
        """Give the connections back."""
        if self.shared is not None:
            await self.shared.close()

    async def _ask(self, call: Callable[[SharedBuckets], Awaitable[T]], *, instead: T) -> T:
        if self.shared is None or time.monotonic() < self._shared_back_at:
            return instead
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await call(self.shared)
        except (RedisError, OSError, TimeoutError) as error:
            self._shared_back_at = time.monotonic() + REDIS_PAUSE_SECONDS
            _log.warning("usage plans are kept by this worker alone: %s", type(error).__name__)
            return instead
