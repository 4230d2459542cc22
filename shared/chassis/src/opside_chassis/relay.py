"""The worker process of a service: a relay that hands out due rows, and an arq worker that runs them.

The relay alone enqueues. Redis carries only `(outbox id, attempt)`. When Redis does not take a job in
time, the relay runs the row itself, so a lost Redis costs latency, never work.
"""

import asyncio
import json
import logging
import signal
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from arq import ArqRedis, create_pool
from arq.connections import RedisSettings
from arq.worker import Worker, func
from redis.exceptions import RedisError
from sqlalchemy import text

from opside_chassis import outbox
from opside_chassis.clock import Clock, utc_now
from opside_chassis.database import Database, driver_url, transaction
from opside_chassis.jobs import (
    JOB_TIMEOUT_SECONDS,
    Workshop,
    run_job,
    run_leased,
    stage_schedules,
)
from opside_chassis.outbox import StagedJob

SWEEP_SECONDS = 1.0
"""Due rows that no NOTIFY announced (back-off, expired leases) are looked for this often."""
BATCH = 50
MAX_DIRECT_JOBS = 5
"""Jobs run by the relay itself while Redis is away; few, so that the pool of connections lasts."""
MAX_QUEUE_JOBS = 8
ENQUEUE_TIMEOUT_SECONDS = 2.0
"""After this long Redis counts as away."""
REDIS_RETRY_SECONDS = 5.0
QUEUE_POLL_SECONDS = 0.05
STOP_SECONDS = JOB_TIMEOUT_SECONDS + 2
PRUNE_EVERY_SECONDS = 3_600
KEEP_DONE_DAYS = 30
JOB_FUNCTION = "run_staged"

logger = logging.getLogger(__name__)

_PRUNE = text(
    """
    DELETE FROM outbox
     WHERE status = 'done' AND finished_at < now() - make_interval(days => :days)
       AND (dedupe_key IS NULL OR dedupe_key LIKE 'schedule:%')
    """
)


@dataclass
class Relay:
    """Hands out due rows until told to stop."""

    service: str
    schema: str
    database: Database
    redis_url: str
    workshop: Workshop
    clock: Clock = utc_now
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _direct: set[asyncio.Task[None]] = field(default_factory=set)
    _redis: ArqRedis | None = None
    _redis_retry_at: float = 0.0
    _last_sweep: float = 0.0
    _last_prune: float = 0.0

    @property
    def queue_name(self) -> str:
        """The arq queue of this service; schemas on one Redis do not meet."""
        return f"opside:{self.schema}:jobs"

    async def run(self) -> None:
        """Until `stop`: sweep, hand out, sleep until woken. Survives any outage of Postgres."""
        listener = asyncio.create_task(self._listen())
        try:
            while not self._stopping.is_set():
                try:
                    handed_out = await self.sweep()
                except (OSError, asyncpg.PostgresError, Exception) as error:
                    logger.warning("relay could not sweep", exc_info=error)
                    handed_out = 0
                if handed_out < BATCH:
                    await self._sleep()
        finally:
            listener.cancel()
            with suppress(asyncio.CancelledError):
                await listener
            await asyncio.gather(*self._direct, return_exceptions=True)
            if self._redis is not None:
                await self._redis.aclose()

    def stop(self) -> None:
        """Ask `run` to end; rows handed out directly finish first."""
        self._stopping.set()
        self._wake.set()

    async def sweep(self) -> int:
        """Stage due schedules, lease due rows and hand each out; answers how many."""
        await self._keep_house()
        free = MAX_DIRECT_JOBS - len(self._direct)
        redis = await self._connected_redis()
        batch = BATCH if redis is not None else free
        if batch <= 0:
            return 0
        async with transaction(self.workshop.sessions) as session:
            jobs = await outbox.lease_due(session, batch=batch)
        for job in jobs:
            if redis is None or not await self._enqueue(redis, job):
                redis = None
                self._run_directly(job)
        return len(jobs)

    async def _keep_house(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._last_sweep < SWEEP_SECONDS:
            return
        self._last_sweep = now
        await stage_schedules(self.workshop, self.clock())
        if now - self._last_prune >= PRUNE_EVERY_SECONDS:
            self._last_prune = now
            async with transaction(self.workshop.sessions) as session:
                await session.execute(_PRUNE, {"days": KEEP_DONE_DAYS})

    async def _connected_redis(self) -> ArqRedis | None:
        loop_time = asyncio.get_running_loop().time()
        if self._redis is None and loop_time >= self._redis_retry_at:
            try:
                async with asyncio.timeout(ENQUEUE_TIMEOUT_SECONDS):
                    self._redis = await create_pool(
                        redis_settings(self.redis_url),
                        job_serializer=serialize,
                        job_deserializer=deserialize,
                        default_queue_name=self.queue_name,
                    )
            except (RedisError, OSError, TimeoutError) as error:
                self._redis_away(error)
        return self._redis

    async def _enqueue(self, redis: ArqRedis, job: StagedJob) -> bool:
        try:
            async with asyncio.timeout(ENQUEUE_TIMEOUT_SECONDS):
                await redis.enqueue_job(
                    JOB_FUNCTION, job.id, job.attempt, _job_id=f"{job.id}:{job.attempt}"
                )
        except (RedisError, OSError, TimeoutError) as error:
            self._redis_away(error)
            return False
        return True

    def _redis_away(self, error: Exception) -> None:
        logger.warning("redis is away; running jobs from postgres", exc_info=error)
        self._redis = None
        self._redis_retry_at = asyncio.get_running_loop().time() + REDIS_RETRY_SECONDS

    def _run_directly(self, job: StagedJob) -> None:
        task = asyncio.create_task(run_job(self.workshop, job))
        self._direct.add(task)
        task.add_done_callback(self._direct_done)

    def _direct_done(self, task: asyncio.Task[None]) -> None:
        self._direct.discard(task)
        self._wake.set()
        if not task.cancelled() and task.exception() is not None:
            logger.warning("job outcome was not written", exc_info=task.exception())

    async def _sleep(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(SWEEP_SECONDS):
                await self._wake.wait()
        self._wake.clear()

    async def _listen(self) -> None:
        """Keep one connection that hears NOTIFY; without it the sweep still finds every row."""
        url = driver_url(self.database.engine.url.render_as_string(hide_password=False))
        while True:
            try:
                connection = await asyncpg.connect(url)
                try:
                    lost = asyncio.Event()
                    connection.add_termination_listener(lambda _, lost=lost: lost.set())
                    await connection.add_listener(
                        outbox.outbox_channel(self.schema), lambda *_: self._wake.set()
                    )
                    await lost.wait()
                finally:
                    await connection.close(timeout=1)
            except (OSError, asyncpg.PostgresError, TimeoutError):
                await asyncio.sleep(SWEEP_SECONDS)


async def run_worker(relay: Relay) -> None:
    """Work until SIGTERM or SIGINT, then finish what runs (at most STOP_SECONDS) and return."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    relaying = asyncio.create_task(relay.run())
    queue = asyncio.create_task(_run_queue(relay, stopping))
    await stopping.wait()
    relay.stop()
    await _within(STOP_SECONDS, asyncio.gather(relaying, queue))


async def _within(seconds: float, work: "asyncio.Future[Any]") -> None:
    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        logger.warning("stopped with jobs unfinished; their leases will expire")


async def _run_queue(relay: Relay, stopping: asyncio.Event) -> None:
    """Run the arq worker, again and again: it ends by itself whenever Redis is lost."""
    while not stopping.is_set():
        worker = _arq_worker(relay)
        running = asyncio.create_task(worker.async_run())
        stop = asyncio.create_task(stopping.wait())
        await asyncio.wait({running, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        await _close(worker, running)
        if not stopping.is_set():
            await asyncio.sleep(SWEEP_SECONDS)


async def _close(worker: Worker, running: "asyncio.Task[None]") -> None:
    worker.allow_pick_jobs = False
    await _settle(asyncio.wait(worker.tasks.values(), timeout=JOB_TIMEOUT_SECONDS), worker)
    running.cancel()
    with suppress(asyncio.CancelledError, RedisError, OSError):
        await running
    with suppress(asyncio.CancelledError, RedisError, OSError):
        await worker.close()


async def _settle(waiting: Coroutine[Any, Any, Any], worker: Worker) -> None:
    if worker.tasks:
        await waiting
    else:
        waiting.close()


def _arq_worker(relay: Relay) -> Worker:
    async def run_staged(_ctx: dict[str, Any], outbox_id: str, attempt: int) -> None:
        await run_leased(relay.workshop, outbox_id, attempt)

    return Worker(
        functions=[func(run_staged, name=JOB_FUNCTION)],  # type: ignore[arg-type]
        queue_name=relay.queue_name,
        redis_settings=redis_settings(relay.redis_url),
        handle_signals=False,
        max_jobs=MAX_QUEUE_JOBS,
        max_tries=1,
        keep_result=0,
        job_timeout=JOB_TIMEOUT_SECONDS + 2,
        poll_delay=QUEUE_POLL_SECONDS,
        job_serializer=serialize,
        job_deserializer=deserialize,
        log_results=False,
    )


def redis_settings(url: str) -> RedisSettings:
    """arq's form of REDIS_URL, failing fast: the relay has another way."""
    settings = RedisSettings.from_dsn(url)
    settings.conn_timeout = 1
    settings.conn_retries = 0
    return settings


def serialize(job: dict[str, Any]) -> bytes:
    """JSON, never pickle: what is read from Redis must not be able to run code."""
    return json.dumps(job).encode()


def deserialize(data: bytes) -> dict[str, Any]:
    """The inverse of `serialize`."""
    loaded: dict[str, Any] = json.loads(data)
    return loaded
