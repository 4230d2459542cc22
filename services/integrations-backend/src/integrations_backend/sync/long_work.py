"""Work that may take longer than a job may run: it goes on in this process while its job waits its turn."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from opside_chassis.outbox import RetryLater

T = TypeVar("T")
PATIENCE_SECONDS = 3.0
"""A job waits so long for work that it begins itself; others of its works go on meanwhile."""
AGAIN_SECONDS = 1.0
LONGEST_SECONDS = 1_800.0
"""A document that drips for longer is given up: no work may go on for ever."""
KEPT_SECONDS = 600.0
"""A result that no job has come for is forgotten: another worker's has it, or the sync was cancelled."""


@dataclass(frozen=True, slots=True)
class LongWork:
    """What is being worked on in this process, by name.

    Another worker that is handed the waiting job begins the same work anew, so the work must be
    such that doing it twice is doing it once.
    """

    patience_seconds: float = PATIENCE_SECONDS
    longest_seconds: float = LONGEST_SECONDS
    _running: "dict[str, asyncio.Task[Any]]" = field(default_factory=dict)

    @property
    def under_way(self) -> list[str]:
        """The names of what is not done yet."""
        return [name for name, task in self._running.items() if not task.done()]

    async def result(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """What the work of this name gives; it is begun unless it is under way, and raises what it raises.

        Raises:
            RetryLater: it goes on; ask again.
            TimeoutError: it was given up.
        """
        task: asyncio.Task[T] | None = self._running.get(name)
        if task is None:
            task = self._begin(name, work)
            await asyncio.wait({task}, timeout=self.patience_seconds)
        if not task.done():
            raise RetryLater(AGAIN_SECONDS, f"{name} goes on")
        self._running.pop(name, None)
        return task.result()

    def _begin(self, name: str, work: Callable[[], Awaitable[T]]) -> "asyncio.Task[T]":
        task = asyncio.create_task(self._limited(work))
        self._running[name] = task
        task.add_done_callback(lambda done: self._forget_later(name, done))
        return task

    async def _limited(self, work: Callable[[], Awaitable[T]]) -> T:
        async with asyncio.timeout(self.longest_seconds):
            return await work()

    def _forget_later(self, name: str, done: "asyncio.Task[Any]") -> None:
        if not done.cancelled():
            done.exception()  # looked at: one that no job comes for is no complaint of asyncio's

        def forget() -> None:
            if self._running.get(name) is done:
                del self._running[name]

        asyncio.get_running_loop().call_later(KEPT_SECONDS, forget)
