"""The token buckets in Redis, one set for all workers; times are those of Redis."""

from collections.abc import Callable
from typing import Any, Self

from redis.asyncio import Redis

from integrations_backend.amazon_api.buckets import (
    LARGEST_FACTOR,
    LONGEST_PAUSE_SECONDS,
    MOST_DOUBLINGS,
    SMALLEST_FACTOR,
    WHOLE_TOKEN,
    Bucket,
)
from integrations_backend.amazon_api.usage_plans import OWN_PACE, SPARE_TOKENS, Plan

TIMEOUT_SECONDS = 0.5
"""Buckets must never cost more than this: then the worker's own count."""
KEPT_MS = 2 * 86_400 * 1000
"""A bucket that nobody used for so long is full, and forgotten."""

# KEYS: level, refusals. ARGV: now or '', rate, burst, and what each script adds.
_LEVEL = f"""
local now = tonumber(ARGV[1])
if now == nil then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1000000
end
local rate, burst = tonumber(ARGV[2]), tonumber(ARGV[3])
local level = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'factor')
local factor = tonumber(level[3]) or 1
local pace = rate * factor * {OWN_PACE}
local most = math.max(1, burst * factor - {SPARE_TOKENS})
local at = tonumber(level[2]) or now
local tokens = math.min(most, (tonumber(level[1]) or most) + math.max(0, now - at) * pace)
at = math.max(at, now)
local function keep()
  redis.call('HSET', KEYS[1], 'tokens', string.format('%.17g', tokens),
             'at', string.format('%.17g', at), 'factor', string.format('%.17g', factor))
  redis.call('PEXPIRE', KEYS[1], {KEPT_MS})
end
"""
_TAKE = (
    _LEVEL
    + f"""
local until_plan = tonumber(redis.call('HGET', KEYS[1] .. ':refused', 'until')) or 0
local until_own = tonumber(redis.call('HGET', KEYS[2] .. ':refused', 'until')) or 0
local missing = 0
if tokens < {WHOLE_TOKEN} then missing = (1 - tokens) / pace end
local wait = math.max(missing, until_plan - now, until_own - now)
if wait <= 0 then tokens = tokens - 1 end
keep()
return string.format('%.17g', wait)
"""
)
_ANSWERED = (
    _LEVEL
    + f"""
redis.call('DEL', KEYS[2] .. ':refused')
local told = tonumber(ARGV[4])
if told ~= nil and told > 0 and told < math.huge then
  local new = math.min(math.max(told / rate, {SMALLEST_FACTOR}), {LARGEST_FACTOR})
  tokens = tokens * new / factor
  factor = new
end
keep()
return '0'
"""
)
_REFUSED = (
    _LEVEL
    + f"""
tokens = 0
keep()
local count = redis.call('HINCRBY', KEYS[2] .. ':refused', 'count', 1)
local pause = tonumber(ARGV[4])
if pause == nil then
  local one = math.max(1, 1 / pace)
  pause = math.min(one * 2 ^ math.min(count - 1, {MOST_DOUBLINGS}),
                   math.max({LONGEST_PAUSE_SECONDS}, one)) * (1 + 0.25 * tonumber(ARGV[5]))
end
local known = tonumber(redis.call('HGET', KEYS[2] .. ':refused', 'until')) or 0
redis.call('HSET', KEYS[2] .. ':refused', 'until',
           string.format('%.17g', math.max(known, now + pause)))
redis.call('PEXPIRE', KEYS[2] .. ':refused', {KEPT_MS})
return string.format('%.17g', pause)
"""
)


class SharedBuckets:
    """The buckets of one application; `clock` replaces the time of Redis in tests."""

    def __init__(
        self, redis: "Redis", *, application: str, clock: Callable[[], float] | None = None
    ) -> None:
        self._redis = redis
        self._application = application
        self._clock = clock
        self._scripts = {text: redis.register_script(text) for text in (_TAKE, _ANSWERED, _REFUSED)}

    @classmethod
    def connect(cls, url: str, *, application: str) -> Self:
        """Connects at the first call."""
        redis = Redis.from_url(
            url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
        )
        return cls(redis, application=application)

    async def take(self, bucket: Bucket, plan: Plan) -> float:
        """Take a token if a call may be made now (0), else answer the seconds to wait."""
        return await self._run(_TAKE, bucket, plan)

    async def answered(self, bucket: Bucket, plan: Plan, told_rate: float | None) -> None:
        """Amazon took the call; `told_rate` is what its header says."""
        await self._run(_ANSWERED, bucket, plan, "" if told_rate is None else told_rate)

    async def refused(
        self, bucket: Bucket, plan: Plan, *, retry_after: float | None, jitter: float
    ) -> float:
        """Amazon answered 429: the bucket is empty. Answers the seconds to leave it alone."""
        return await self._run(_REFUSED, bucket, plan, retry_after or "", jitter)

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()

    async def _run(self, text: str, bucket: Bucket, plan: Plan, *more: float | str) -> float:
        now = "" if self._clock is None else f"{self._clock():.6f}"
        name = f"{{amazon:{self._application}}}"
        answer: Any = await self._scripts[text](
            keys=[f"{name}:{bucket.key}", f"{name}:{bucket.detail_key}"],
            args=[now, plan.rate_per_second, plan.burst, *more],
        )
        return float(answer)
