"""The relay of a service: leases due rows and hands them out, through Redis or without it.

The relay alone enqueues. Redis carries only `(outbox id, attempt)`. When Redis does not take a job in
time, the relay runs rows itself, so a lost Redis costs latency, never work.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field

import asyncpg
from arq import ArqRedis
from opentelemetry import metrics
from redis.exceptions import RedisError
from sqlalchemy import text

from opside_chassis import leases, outbox
from opside_chassis.clock import Clock, utc_now
from opside_chassis.database import Database, driver_url, transaction
from opside_chassis.job_queue import JOB_FUNCTION, QueueWorker, connect_queue
from opside_chassis.jobs import Workshop, run_leased, stage_schedules
from opside_chassis.outbox import StagedJob
from opside_chassis.stopping import on_stop_signal, within

SWEEP_SECONDS = 1.0
"""Due rows that no NOTIFY announced (back-off, expired leases) are looked for this often."""
BATCH = 50
QUEUE_DEPTH = 64
"""No more is handed out while so many wait in Redis: a row there should be begun within its lease."""
CROWDED_SECONDS = 0.05
"""How soon to look again when the queue, or the relay itself, was full, and after a NOTIFY: of a burst
only its first rows are told of (`outbox.WAKE_EVERY_MS`)."""
MAX_DIRECT_JOBS = 5
"""Jobs run by the relay itself while Redis is away; few, so that the pool of connections lasts."""
ENQUEUE_TIMEOUT_SECONDS = 2.0
"""After this long Redis counts as away."""
REDIS_RETRY_SECONDS = 5.0
STOP_SECONDS = 22.0
"""Longer than any job may run (`jobs.JOB_TIMEOUT_SECONDS`); what still runs then is taken over later."""
PRUNE_EVERY_SECONDS = 600
PRUNE_BATCH = 5_000
"""Rows deleted in one statement, well inside the statement timeout."""
KEEP_DONE_SECONDS = 7 * 86_400
"""At least so long, and for two periods: a schedule's row keeps its period from running again."""

MEASURE_EVERY_SECONDS = 15
"""As often as metrics are sent."""

logger = logging.getLogger(__name__)
queued_jobs = metrics.get_meter(__name__).create_gauge(
    "opside.jobs.queued", unit="{job}", description="Jobs that are due, planned or running"
)

_DEPTH = text(
    """
    SELECT count(*) FILTER (WHERE status = 'waiting' AND due_at <= now()) AS due,
           count(*) FILTER (WHERE status = 'waiting' AND due_at > now()) AS planned,
           count(*) FILTER (WHERE status = 'leased') AS running
      FROM outbox WHERE status IN ('waiting', 'leased')
    """
)

_PRUNE = text(
    f"""
    DELETE FROM outbox WHERE id IN (
        SELECT id FROM outbox
         WHERE {outbox.PRUNABLE} AND finished_at < now() - make_interval(secs => :keep_seconds)
         ORDER BY finished_at LIMIT :batch)
    """  # noqa: S608 - a constant of ours
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
    _next_house_keeping: float = 0.0
    _next_prune: float = 0.0
    _next_measure: float = 0.0
    _staged_periods: dict[str, str] = field(default_factory=dict)

    @property
    def queue_name(self) -> str:
        """The arq queue of this service; schemas on one Redis do not meet."""
        return f"opside:{self.schema}:jobs"

    async def run(self) -> None:
        """Until `stop`: sweep, hand out, sleep until woken. Survives any outage of Postgres or Redis."""
        listener = asyncio.create_task(self._listen())
        woken = False
        try:
            while not self._stopping.is_set():
                try:
                    crowded = await self.sweep()
                except Exception as error:
                    logger.warning("relay could not sweep", exc_info=error)
                    crowded = False
                soon = crowded or woken
                woken = await self._sleep(CROWDED_SECONDS if soon else SWEEP_SECONDS)
        finally:
            listener.cancel()
            await asyncio.gather(listener, *self._direct, return_exceptions=True)
            await self._drop_redis()

    def stop(self) -> None:
        """Ask `run` to end; rows handed out directly finish first."""
        self._stopping.set()
        self._wake.set()

    async def sweep(self) -> bool:
        """Stage due schedules, lease due rows and hand them out. True when more may wait than fitted."""
        await self._keep_house()
        redis = await self._connected_redis()
        room = await self._room(redis)
        if room <= 0:
            return True
        async with transaction(self.workshop.sessions) as session:
            jobs = await leases.lease_due(session, batch=min(BATCH, room))
        await self._hand_out(jobs)
        return len(jobs) == min(BATCH, room)

    async def _room(self, redis: ArqRedis | None) -> int:
        if redis is not None:
            try:
                async with asyncio.timeout(ENQUEUE_TIMEOUT_SECONDS):
                    return QUEUE_DEPTH - int(await redis.zcard(self.queue_name))
            except (RedisError, OSError) as error:
                await self._redis_away(error)
        return MAX_DIRECT_JOBS - len(self._direct)

    async def _hand_out(self, jobs: list[StagedJob]) -> None:
        too_many: list[StagedJob] = []
        for job in jobs:
            if await self._enqueue(job):
                continue
            if len(self._direct) < MAX_DIRECT_JOBS:
                self._run_directly(job)
            else:
                too_many.append(job)
        if too_many:
            async with transaction(self.workshop.sessions) as session:
                await leases.give_back(session, too_many)

    async def _keep_house(self) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._next_house_keeping:
            return
        self._next_house_keeping = now + SWEEP_SECONDS
        await self._stage_schedules()
        if now >= self._next_measure:
            self._next_measure = now + MEASURE_EVERY_SECONDS
            await self._measure()
        if now >= self._next_prune:
            self._next_prune = now + PRUNE_EVERY_SECONDS
            await self._prune()

    async def _measure(self) -> None:
        async with transaction(self.workshop.sessions) as session:
            depth = (await session.execute(_DEPTH)).one()
        for state in ("due", "planned", "running"):
            queued_jobs.set(getattr(depth, state), {"service": self.service, "state": state})

    async def _prune(self) -> None:
        two_periods = [2 * schedule.every_seconds for schedule in self.workshop.schedules]
        keep_seconds = max([KEEP_DONE_SECONDS, *two_periods])
        async with transaction(self.workshop.sessions) as session:
            await session.execute(_PRUNE, {"keep_seconds": keep_seconds, "batch": PRUNE_BATCH})

    async def _stage_schedules(self) -> None:
        now = self.clock()
        periods = {s.kind: s.dedupe_key(now) for s in self.workshop.schedules}
        among = [
            s
            for s in self.workshop.schedules
            if self._staged_periods.get(s.kind) != periods[s.kind]
        ]
        if among:
            await stage_schedules(self.workshop, now, among=among)
            self._staged_periods = periods

    async def _connected_redis(self) -> ArqRedis | None:
        if self._redis is None and asyncio.get_running_loop().time() >= self._redis_retry_at:
            self._redis = connect_queue(self.redis_url, self.queue_name)
            try:
                async with asyncio.timeout(ENQUEUE_TIMEOUT_SECONDS):
                    await self._redis.ping()
            except (RedisError, OSError) as error:
                await self._redis_away(error)
        return self._redis

    async def _enqueue(self, job: StagedJob) -> bool:
        """False when Redis did not answer. Should it have taken the job all the same, no harm is done:
        whoever begins this attempt first is the only one who runs it."""
        if self._redis is None:
            return False
        try:
            async with asyncio.timeout(ENQUEUE_TIMEOUT_SECONDS):
                await self._redis.enqueue_job(
                    JOB_FUNCTION, job.id, job.attempt, _job_id=f"{job.id}:{job.attempt}"
                )
        except (RedisError, OSError) as error:
            await self._redis_away(error)
            return False
        return True

    async def _redis_away(self, error: Exception) -> None:
        logger.warning("redis is away; running jobs from postgres", exc_info=error)
        self._redis_retry_at = asyncio.get_running_loop().time() + REDIS_RETRY_SECONDS
        await self._drop_redis()

    async def _drop_redis(self) -> None:
        redis, self._redis = self._redis, None
        if redis is not None:
            with suppress(RedisError, OSError):
                await redis.aclose(close_connection_pool=True)

    def _run_directly(self, job: StagedJob) -> None:
        task = asyncio.create_task(run_leased(self.workshop, job.id, job.attempt))
        self._direct.add(task)
        task.add_done_callback(self._direct_done)

    def _direct_done(self, task: asyncio.Task[None]) -> None:
        self._direct.discard(task)
        self._wake.set()
        if not task.cancelled() and task.exception() is not None:
            logger.warning("job outcome was not written", exc_info=task.exception())

    async def _sleep(self, seconds: float) -> bool:
        """True when it was woken: more rows may follow that nobody will tell of."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        woken = self._wake.is_set()
        self._wake.clear()
        return woken

    async def _listen(self) -> None:
        """Keep one connection that hears NOTIFY; without it the sweep still finds every row."""
        url = driver_url(self.database.engine.url.render_as_string(hide_password=False))
        while True:
            try:
                await self._listen_until_lost(url)
            except Exception as error:
                logger.warning("relay is not woken by new rows", exc_info=error)
            await asyncio.sleep(SWEEP_SECONDS)

    async def _listen_until_lost(self, url: str) -> None:
        lost = asyncio.Event()
        connection = await asyncpg.connect(
            url, server_settings={"application_name": f"{self.service} relay"}
        )
        try:
            connection.add_termination_listener(lambda _connection: lost.set())
            await connection.add_listener(
                outbox.outbox_channel(self.schema), lambda *_notice: self._wake.set()
            )
            self._wake.set()  # rows may have come while nobody listened
            await lost.wait()
        finally:
            with suppress(Exception):
                await connection.close(timeout=1)


async def run_worker(relay: Relay) -> None:
    """Work until SIGTERM or SIGINT, then finish what runs (at most STOP_SECONDS) and return.

    Raises whatever ended the relay or the queue by itself, so that the process is started anew.
    """
    queue = QueueWorker(relay.redis_url, relay.queue_name, relay.workshop)
    with on_stop_signal() as stopping:
        told = asyncio.create_task(stopping.wait())
        working = {asyncio.create_task(relay.run()), asyncio.create_task(queue.run())}
        await asyncio.wait({told, *working}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        relay.stop()
        queue.stop()
        await within(STOP_SECONDS, asyncio.gather(*working))
