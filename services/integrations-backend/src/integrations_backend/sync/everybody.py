"""The regular sync of every connected seller: so many in one job, which stages the next."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from integrations_backend.connections.access import connected_after
from integrations_backend.sync.errors import NotConnected
from integrations_backend.sync.start import start_sync
from opside_chassis.clock import Clock
from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.outbox import StagedJob, fence, stage
from opside_contracts.integrations.messages import Provider

SYNC_EVERYBODY = "sync_connected_sellers"
SELLERS_IN_ONE_JOB = 200
"""Each start is four statements: a batch stays far below a job's 20 s, also on a busy database."""


async def start_if_connected(
    sessions: Sessions, clock: Clock, *, user_id: str, reason: str
) -> None:
    """Start a seller's sync; nothing happens where he disconnected meanwhile."""
    try:
        await start_sync(sessions, user_id=user_id, reason=reason, clock=clock)
    except NotConnected:
        return


@dataclass(frozen=True, slots=True)
class Everybody:
    """What the job needs."""

    sessions: Sessions
    clock: Clock
    sellers_in_one_job: int = SELLERS_IN_ONE_JOB
    start_one: Callable[..., Awaitable[None]] = start_if_connected

    async def start(self, job: StagedJob) -> None:
        """Start the syncs of the sellers behind the job's cursor; those that run are left alone.

        The next job is staged last: one that was cut off begins its batch again and starts nothing twice.
        """
        sellers = await connected_after(
            self.sessions,
            Provider.AMAZON,
            after=str(job.payload.get("after", "")),
            limit=self.sellers_in_one_job,
        )
        for user_id in sellers:
            await self.start_one(self.sessions, self.clock, user_id=user_id, reason="scheduled")
        if len(sellers) < self.sellers_in_one_job:
            return
        async with transaction(self.sessions, tenant=EVERY_TENANT) as session:
            await fence(session, job)
            await stage(
                session, SYNC_EVERYBODY, {"after": sellers[-1]}, dedupe_key=f"{job.id}:next"
            )
