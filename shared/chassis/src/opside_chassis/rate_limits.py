"""How often one user or one address may call: a sliding window kept in Redis, here without it.

Two fixed windows are kept per key; the older one counts by the share of it that still lies inside
the last minute. That smooths the burst a fixed window lets through at its border, for two small
numbers a key.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisAway
from redis.exceptions import RedisError
from starlette.requests import HTTPConnection

from opside_chassis.errors import TooManyRequests
from opside_chassis.request_context import client_address, limit_key

WINDOW_SECONDS = 60
REDIS_TIMEOUT_SECONDS = 0.1
"""A limiter must never cost more than this: then this process counts by itself."""
REDIS_PAUSE_SECONDS = 5.0
"""After a failure Redis is left alone this long, so that each request does not wait for it."""
MAX_LOCAL_KEYS = 20_000
"""Bounds the memory of the local fallback; the oldest window is dropped first."""

_log = logging.getLogger(__name__)

# KEYS: of each count this window and the one before. ARGV: limit, share of the former window that still
# counts, time to live in ms. All are counted or, where one is used up, none: {allowed, and of that one
# the count of this window and of the former}.
_TAKE = """
local counts = redis.call('MGET', unpack(KEYS))
for i = 1, #KEYS, 2 do
  local current, former = tonumber(counts[i] or '0'), tonumber(counts[i + 1] or '0')
  if current + former * tonumber(ARGV[2]) + 1 > tonumber(ARGV[1]) then
    return {0, current, former}
  end
end
for i = 1, #KEYS, 2 do
  redis.call('INCR', KEYS[i])
  redis.call('PEXPIRE', KEYS[i], ARGV[3])
end
return {1, 0, 0}
"""


@dataclass(frozen=True, slots=True)
class PathLimits:
    """What is different for paths that start with `prefix` (the longest prefix wins)."""

    prefix: str
    max_body_bytes: int | None = None
    requests_per_minute: int | None = None
    json_checked: bool = True
    """False where a provider's raw body is signed: the route itself parses it after the check."""
    counted: bool = True
    """False where checking a signature costs less than counting, and a provider delivers in bursts:
    the route counts what it refuses (`limit_refused`)."""


def path_limits(path: str, limits: Sequence[PathLimits]) -> PathLimits | None:
    """The most specific entry for a path."""
    fitting = [limit for limit in limits if _under(path, limit.prefix)]
    return max(fitting, key=lambda limit: len(limit.prefix), default=None)


def _under(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix.rstrip("/") + "/")


class _KeptConnections(ConnectionPool):
    """Hands a connection out as it came back.

    redis-py would ask each whether it still stands, by a read that has to time out. Here the question
    finds out by itself and is asked again on a new one.
    """

    async def ensure_connection(self, connection: AbstractConnection) -> None:
        """Connect one that is not."""
        await connection.connect()  # type: ignore[no-untyped-call]  # so in redis' stubs


def redis_for_counting(url: str) -> Redis:
    """Redis for a `RateLimiter`, which bounds each question itself.

    With `socket_timeout`, redis-py would bound its sending by a task of its own: a quarter of a count.
    A `RuntimeError` is uvloop's word for a connection that was reset.
    """
    pool = _KeptConnections.from_url(
        url, socket_connect_timeout=REDIS_TIMEOUT_SECONDS, retry_on_error=[RedisAway, RuntimeError]
    )
    return Redis.from_pool(pool)


class RateLimiter:
    """Counts calls per key; `hit` raises when a key has used its minute up."""

    def __init__(
        self,
        *,
        service: str,
        per_minute: int,
        redis: "Redis | None" = None,
        now: Callable[[], float] = time.time,
        redis_timeout_seconds: float = REDIS_TIMEOUT_SECONDS,
    ) -> None:
        self.per_minute = per_minute
        self._redis_timeout_seconds = redis_timeout_seconds
        self._service = service
        self._redis = redis
        self._now = now
        self._local = _LocalCounts()
        self._redis_back_at = 0.0

    async def hit(self, *keys: str, per_minute: int | None = None) -> None:
        """Count one call for each key, or for none; raises `TooManyRequests` with the seconds to wait."""
        limit = per_minute or self.per_minute
        moment = self._now()
        window = int(moment // WINDOW_SECONDS)
        elapsed = moment - window * WINDOW_SECONDS
        allowed, current, former = await self._take(keys, window, limit, elapsed)
        if not allowed:
            wait_seconds = _wait_seconds(limit, current, former, elapsed)
            raise TooManyRequests("Too many requests; slow down.", retry_after_seconds=wait_seconds)

    async def _take(
        self, keys: Sequence[str], window: int, limit: int, elapsed: float
    ) -> tuple[bool, int, int]:
        share = 1 - elapsed / WINDOW_SECONDS
        if self._redis is not None and time.monotonic() >= self._redis_back_at:
            names = [
                f"rate:{self._service}:{key}:{one}" for key in keys for one in (window, window - 1)
            ]
            try:
                async with asyncio.timeout(self._redis_timeout_seconds):
                    answer = await self._redis.eval(  # type: ignore[misc]  # redis' stubs: sync or async
                        _TAKE,
                        len(names),
                        *names,
                        str(limit),
                        f"{share:.6f}",
                        str(2 * WINDOW_SECONDS * 1000),
                    )
                return bool(answer[0]), int(answer[1]), int(answer[2])
            except (RedisError, OSError, TimeoutError) as error:
                self._redis_back_at = time.monotonic() + REDIS_PAUSE_SECONDS
                _log.warning("rate limits are counted locally: %s", type(error).__name__)
        return self._local.take(keys, window, limit, share)

    async def close(self) -> None:
        """Give the Redis connections back."""
        if self._redis is not None:
            await self._redis.aclose()


class _LocalCounts:
    """The same windows in this process alone; lost with it, which is fine for a fallback."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, int], int] = {}

    def take(
        self, keys: Sequence[str], window: int, limit: int, share: float
    ) -> tuple[bool, int, int]:
        for key in keys:
            current = self._counts.get((key, window), 0)
            former = self._counts.get((key, window - 1), 0)
            if current + former * share + 1 > limit:
                return False, current, former
        for key in keys:
            if len(self._counts) >= MAX_LOCAL_KEYS:
                self._forget(window)
            self._counts[key, window] = self._counts.get((key, window), 0) + 1
        return True, 0, 0

    def _forget(self, window: int) -> None:
        self._counts = {
            name: count for name, count in self._counts.items() if name[1] >= window - 1
        }
        while len(self._counts) >= MAX_LOCAL_KEYS:
            del self._counts[next(iter(self._counts))]


def _wait_seconds(limit: int, current: int, former: int, elapsed: float) -> int:
    """Seconds until one more call fits, by the same arithmetic as the count."""
    free = limit - current - 1
    if former and free >= 0:
        # Wait inside this window until the former one's share has shrunk enough.
        fits_at = WINDOW_SECONDS * (1 - free / former)
        return max(1, ceil(fits_at - elapsed))
    rest = WINDOW_SECONDS - elapsed
    fits_at = WINDOW_SECONDS * max(0.0, 1 - (limit - 1) / current) if current else 0.0
    return max(1, ceil(rest + fits_at))


async def limit_user(connection: HTTPConnection, user_id: str) -> None:
    """Count a call of a signed-in user; raises `TooManyRequests`."""
    limiter: RateLimiter | None = connection.app.state.rate_limiter
    if limiter is not None:
        limits = path_limits(connection.scope["path"], connection.app.state.path_limits)
        per_minute = limits.requests_per_minute if limits else None
        await limiter.hit(_scoped(f"user:{user_id}", limits), per_minute=per_minute)


async def limit_address(
    limiter: RateLimiter, address: str, limits: PathLimits | None, *, user_id: str | None = None
) -> None:
    """Count a call of an address, and of its user where he is known; raises `TooManyRequests`."""
    per_minute = limits.requests_per_minute if limits else None
    keys = [f"address:{address}"] + ([f"user:{user_id}"] if user_id else [])
    await limiter.hit(*(_scoped(key, limits) for key in keys), per_minute=per_minute)


async def limit_refused(connection: HTTPConnection) -> None:
    """Count a call that a route refuses to its address; raises `TooManyRequests`."""
    limiter: RateLimiter | None = connection.app.state.rate_limiter
    if limiter is not None:
        limits = path_limits(connection.scope["path"], connection.app.state.path_limits)
        await limit_address(limiter, limit_key(client_address(connection)), limits)


def _scoped(key: str, limits: PathLimits | None) -> str:
    """A path with its own limit has its own count; else its calls would eat up the others'."""
    own = limits is not None and limits.requests_per_minute is not None
    return f"{key}:{limits.prefix}" if own and limits else key
