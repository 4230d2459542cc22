"""Measuring two ways of doing the same, fairly: they take turns on a machine that is never quiet."""

import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

ROUNDS = 5
"""Odd moments of a busy machine hit both sides."""


class Figures(NamedTuple):
    """Ours and the floor, in the bench's unit, and what else was seen on the way."""

    value: float
    floor: float
    notes: str = ""


async def rates(ours: Callable[[], Awaitable[int]], floor: Callable[[], Awaitable[int]]) -> Figures:
    """Operations a second of both; each callable does some and says how many. The best round counts."""
    best = [0.0, 0.0]
    for _ in range(ROUNDS):
        for index, work in enumerate((ours, floor)):
            started = time.perf_counter()
            count = await work()
            best[index] = max(best[index], count / (time.perf_counter() - started))
    return Figures(best[0], best[1])


async def middle_round(
    ours: Callable[[], Awaitable[float]], floor: Callable[[], Awaitable[float]]
) -> Figures:
    """The round with the median ratio; each callable prepares a round, measures it, answers its figure.

    Both sides of a round run right after each other, so that a ratio compares like with like. The
    first round warms up and is not counted.
    """
    rounds = [Figures(await ours(), await floor()) for _ in range(ROUNDS + 1)][1:]
    return sorted(rounds, key=lambda figures: figures.value / figures.floor)[ROUNDS // 2]
