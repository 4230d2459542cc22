"""Measuring two ways of doing the same, fairly: turns taken, best of each."""

import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

ROUNDS = 5
"""Odd moments of a busy machine hit both sides; the best round of each is what it can do."""


class Figures(NamedTuple):
    """Ours and the floor, in the bench's unit."""

    value: float
    floor: float


async def rates(ours: Callable[[], Awaitable[int]], floor: Callable[[], Awaitable[int]]) -> Figures:
    """Operations a second of both; each callable does some and says how many."""
    best = [0.0, 0.0]
    for _ in range(ROUNDS):
        for index, work in enumerate((ours, floor)):
            started = time.perf_counter()
            count = await work()
            best[index] = max(best[index], count / (time.perf_counter() - started))
    return Figures(*best)
