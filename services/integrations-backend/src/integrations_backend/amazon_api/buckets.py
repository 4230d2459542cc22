"""Token buckets of this process: the arithmetic of usage plans, without a clock or a network of its own.

The same rules run inside Redis for all workers together (`shared_buckets.py`); tests hold both against
one table.
"""

from dataclasses import dataclass
from math import isfinite

from integrations_backend.amazon_api.usage_plans import Plan

LONGEST_PAUSE_SECONDS = 900.0
"""However often Amazon refuses, it is asked again after so long."""
SMALLEST_FACTOR, LARGEST_FACTOR = 0.01, 1_000.0
"""A rate that Amazon tells is believed within these bounds of the default."""
MOST_DOUBLINGS = 10
WHOLE_TOKEN = 1.0 - 1e-6
"""Who waited as long as he was told must not miss a token by a rounding."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Names a bucket: the seller and the operation; `detail` has pauses, but no plan, of its own.

    Amazon holds some report types back although the plan has tokens left (facts section 2), so the
    detail of createReport is the report type: one that is held back does not hold up the others.
    """

    seller: str
    operation: str
    detail: str = ""

    @property
    def key(self) -> str:
        """The bucket's name."""
        return f"{self.seller}:{self.operation}"

    @property
    def detail_key(self) -> str:
        """Where refusals are counted and pauses kept."""
        return f"{self.key}:{self.detail}" if self.detail else self.key


def factor_of(told_rate: float, plan: Plan) -> float | None:
    """How many times the default rate Amazon tells; None for what cannot be a rate."""
    if not isfinite(told_rate) or told_rate <= 0:
        return None
    return min(max(told_rate / plan.rate_per_second, SMALLEST_FACTOR), LARGEST_FACTOR)


def pause_seconds(refusals: int, pace: Plan, jitter: float) -> float:
    """How long to leave an operation alone after so many refusals in a row; `jitter` from 0 to 1."""
    one_token = max(1.0, 1.0 / pace.rate_per_second)
    doubled = one_token * 2.0 ** min(refusals - 1, MOST_DOUBLINGS)
    return min(doubled, max(LONGEST_PAUSE_SECONDS, one_token)) * (1.0 + 0.25 * jitter)


@dataclass(slots=True)
class _Level:
    tokens: float
    at: float
    factor: float = 1.0


@dataclass(slots=True)
class _Refused:
    count: int = 0
    until: float = float("-inf")


class LocalBuckets:
    """What this worker alone knows of the buckets; `now` is in seconds and may be any steady clock."""

    def __init__(self) -> None:
        self._levels: dict[str, _Level] = {}
        self._refused: dict[str, _Refused] = {}

    def wait(self, bucket: Bucket, plan: Plan, now: float) -> float:
        """Seconds until a call may be made; 0 when it may be made now."""
        level, pace = self._filled(bucket, plan, now)
        paused = max(self._pause(bucket.key, now), self._pause(bucket.detail_key, now))
        enough = level.tokens >= WHOLE_TOKEN
        missing = 0.0 if enough else (1.0 - level.tokens) / pace.rate_per_second
        return max(paused, missing)

    def take(self, bucket: Bucket, plan: Plan, now: float) -> float:
        """Take a token if a call may be made now (0), else answer the seconds to wait."""
        wait = self.wait(bucket, plan, now)
        if wait <= 0:
            self._levels[bucket.key].tokens -= 1.0
        return wait

    def answered(self, bucket: Bucket, plan: Plan, told_rate: float | None, now: float) -> None:
        """Amazon took the call; `told_rate` is what its header says."""
        self._refused.pop(bucket.detail_key, None)
        factor = factor_of(told_rate, plan) if told_rate is not None else None
        if factor is not None:
            level, _ = self._filled(bucket, plan, now)
            level.tokens *= factor / level.factor
            level.factor = factor

    def refused(
        self, bucket: Bucket, plan: Plan, *, retry_after: float | None, jitter: float, now: float
    ) -> float:
        """Amazon answered 429: the bucket is empty. Answers the seconds to leave it alone."""
        level, pace = self._filled(bucket, plan, now)
        level.tokens = 0.0
        known = self._refused.setdefault(bucket.detail_key, _Refused())
        known.count += 1
        pause = retry_after or pause_seconds(known.count, pace, jitter)
        known.until = max(known.until, now + pause)
        return pause

    def _filled(self, bucket: Bucket, plan: Plan, now: float) -> tuple[_Level, Plan]:
        level = self._levels.get(bucket.key)
        if level is None:
            level = self._levels[bucket.key] = _Level(plan.scaled(1.0).burst, now)
        pace = plan.scaled(level.factor)
        passed = max(0.0, now - level.at)
        level.tokens = min(pace.burst, level.tokens + passed * pace.rate_per_second)
        level.at = max(level.at, now)
        return level, pace

    def _pause(self, key: str, now: float) -> float:
        known = self._refused.get(key)
        return max(0.0, known.until - now) if known else 0.0
