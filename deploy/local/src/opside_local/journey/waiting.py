"""Asking again until it is so, as a page does that polls."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from opside_local.journey.errors import JourneyFailed

POLL_SECONDS = 0.25
PATIENCE_SECONDS = 90.0
"""Far more than any step takes; a slow machine is no failure."""

Answer = TypeVar("Answer")


async def until(
    ask: Callable[[], Awaitable[Answer]],
    *,
    done: Callable[[Answer], bool],
    what: str,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Answer:
    """The first answer that is `done`; raises `JourneyFailed` naming what was waited for."""
    deadline = time.monotonic() + patience_seconds
    while True:
        answer = await ask()
        if done(answer):
            return answer
        if time.monotonic() > deadline:
            raise JourneyFailed(f"{what} did not happen in {patience_seconds:.0f} s: {answer}")
        await asyncio.sleep(POLL_SECONDS)
