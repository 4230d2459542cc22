"""Ending a process in good order: told by a signal, within a bounded time."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

logger = logging.getLogger(__name__)


@contextmanager
def on_stop_signal() -> Iterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set, instead of ending the process, while this is open."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stopping.set)
    try:
        yield stopping
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)


async def within(seconds: float, work: Awaitable[Any]) -> None:
    """Wait for the end of `work`; cancel it when that takes too long."""
    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        logger.warning("stopped with jobs unfinished; they are taken over when their leases end")
