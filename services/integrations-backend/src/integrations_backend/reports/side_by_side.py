"""Calls that compute beside each other: what Polars does in a thread does not wait for the others."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")
THREADS = 3
"""A worker has other sellers, too; each call may need a hundred megabytes."""


def side_by_side(calls: Iterator[Callable[[], Result]]) -> Iterator[Result]:
    """What each call returns, in their order; `THREADS` of them run at a time, one more waits.

    The first call that fails ends it with its error.
    """
    coming: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(THREADS)
    try:
        for call in calls:
            coming.append(pool.submit(call))
            if len(coming) > THREADS:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
