"""The arq queue: how it is connected to, and the worker that takes jobs from it.

Settings of facts/money-safety.md section 4: JSON, one try, no results kept. Retries belong to the outbox.
"""

import asyncio
import json
import logging
from contextlib import suppress
from typing import Any

from arq import ArqRedis
from arq.worker import Worker, func
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from opside_chassis.jobs import JOB_TIMEOUT_SECONDS, Workshop, run_leased

JOB_FUNCTION = "run_staged"
MAX_QUEUE_JOBS = 8
QUEUE_POLL_SECONDS = 0.05
RESTART_SECONDS = 1.0
CONNECT_TIMEOUT_SECONDS = 1.0
ANSWER_TIMEOUT_SECONDS = 3.0
"""A Redis that takes connections and says nothing must not hold the worker for ever."""

logger = logging.getLogger(__name__)


def serialize(job: dict[str, Any]) -> bytes:
    """JSON, never pickle: what is read from Redis must not be able to run code."""
    return json.dumps(job).encode()


def deserialize(data: bytes) -> dict[str, Any]:
    """The inverse of `serialize`."""
    loaded: dict[str, Any] = json.loads(data)
    return loaded


def connect_queue(url: str, queue_name: str) -> ArqRedis:
    """A client of the queue; connects at its first command and gives up fast."""
    pool = ConnectionPool.from_url(
        url,
        socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
        socket_timeout=ANSWER_TIMEOUT_SECONDS,
    )
    return ArqRedis(
        pool,
        job_serializer=serialize,
        job_deserializer=deserialize,
        default_queue_name=queue_name,
    )


class QueueWorker:
    """Runs an arq worker again and again: it ends by itself whenever Redis is lost."""

    def __init__(self, redis_url: str, queue_name: str, workshop: Workshop) -> None:
        self._redis_url = redis_url
        self._queue_name = queue_name
        self._workshop = workshop
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Until `stop`; the jobs that run then are finished."""
        while not self._stopping.is_set():
            await self._run_once()
            with suppress(TimeoutError):
                async with asyncio.timeout(RESTART_SECONDS):
                    await self._stopping.wait()

    def stop(self) -> None:
        """Ask `run` to end."""
        self._stopping.set()

    async def _run_once(self) -> None:
        redis = connect_queue(self._redis_url, self._queue_name)
        worker = self._worker(redis)
        polling = asyncio.create_task(worker.async_run())
        told = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({polling, told}, return_when=asyncio.FIRST_COMPLETED)
            if polling.done() and not polling.cancelled():
                logger.warning("the queue is lost", exc_info=polling.exception())
            await _finish_jobs(worker)
        finally:
            told.cancel()
            await _cancel([polling, *worker.tasks.values(), *worker.job_tasks.values()])
            with suppress(RedisError, OSError):
                await redis.aclose(close_connection_pool=True)

    def _worker(self, redis: ArqRedis) -> Worker:
        async def run_staged(_context: dict[str, Any], outbox_id: str, attempt: int) -> None:
            await run_leased(self._workshop, outbox_id, attempt)

        return Worker(
            functions=[func(run_staged, name=JOB_FUNCTION)],  # type: ignore[arg-type]
            queue_name=self._queue_name,
            redis_pool=redis,
            handle_signals=False,
            max_jobs=MAX_QUEUE_JOBS,
            max_tries=1,
            retry_jobs=False,
            keep_result=0,
            # A little longer than our own limit, which writes the outcome back.
            job_timeout=JOB_TIMEOUT_SECONDS + 2,
            poll_delay=QUEUE_POLL_SECONDS,
            job_serializer=serialize,
            job_deserializer=deserialize,
            log_results=False,
        )


async def _finish_jobs(worker: Worker) -> None:
    worker.allow_pick_jobs = False
    if worker.tasks:
        await asyncio.wait(list(worker.tasks.values()), timeout=JOB_TIMEOUT_SECONDS)


async def _cancel(tasks: list["asyncio.Task[Any]"]) -> None:
    """Ask until they end: redis-py loses a cancellation that comes together with an answer."""
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=0.5)
    await asyncio.gather(*tasks, return_exceptions=True)
