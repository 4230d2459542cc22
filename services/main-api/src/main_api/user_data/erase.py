"""Erase a user in every service. Every step can be repeated, and a worker that died is followed by one
that begins again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from main_api.mail_api.errors import MailUnavailable
from main_api.user_data import queries
from main_api.user_data.declared import PERSON
from main_api.user_data.letters import ErasureLetters
from main_api.user_data.models import AccountErasure, ErasureState
from main_api.user_data.own_erasure import erasure_of_job
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import Conflict
from opside_chassis.outbox import RetryLater, StagedJob, fence
from opside_chassis.user_data import erase_rows

ASK_AGAIN_SECONDS = 900.0
"""While money is in flight, or news is on its way."""
FINISH_SECONDS = 60.0
"""While a provider confirms that our access ended."""
LETTER_PATIENCE = timedelta(hours=24)
"""A mail server that is away for longer does not keep an account alive."""
SECOND_LOOK_AFTER = timedelta(minutes=30)
"""Longer than any token, job or delivery that was under way when everything was erased."""


class Eraser(Protocol):
    """A service that can forget a user."""

    async def held(self, user_id: str) -> list[str]:
        """Why not now."""
        ...

    async def erase(self, user_id: str) -> None:
        """Forget him; again is harmless. Raises `Conflict` while it is held."""
        ...


@dataclass(frozen=True, slots=True)
class Erasure:
    """Runs orders. `services` in their order: those that still need the others' help come first."""

    sessions: Sessions
    services: Mapping[str, Eraser]
    letters: ErasureLetters
    clock: Clock

    async def run(self, job: StagedJob) -> None:
        """One run of the job; again until it is done.

        Raises:
            RetryLater: it must wait; the order says why.
            Unavailable: a service or Stripe is away; tried again.
        """
        erasure = await erasure_of_job(self.sessions, str(job.payload["erasureId"]))
        if erasure.ended_at is not None:
            return
        if erasure.state == ErasureState.WAITING.value and not await self._begin(job, erasure):
            return
        await self._erase_everywhere(job, erasure)
        erased_at = await self._note_erased(job, erasure)
        left = erased_at + SECOND_LOOK_AFTER - self.clock()
        if left > timedelta():
            raise RetryLater(left.total_seconds(), "a second look follows")
        await self._finish(job, erasure)

    async def _begin(self, job: StagedJob, erasure: AccountErasure) -> bool:
        """From here on there is no way back; False: the user changed his mind."""
        left = erasure.starts_at - self.clock()
        if left > timedelta():
            raise RetryLater(left.total_seconds(), "the user may still change his mind")
        await self._refuse_while_held(job, erasure)
        await self._tell(job, erasure)
        async with transaction(self.sessions, tenant=erasure.user_id) as session:
            await fence(session, job)
            row = await queries.erasure_by_id(session, erasure.id, lock=True)
            if row.state != ErasureState.WAITING.value:
                return row.state == ErasureState.RUNNING.value
            row.state, row.begun_at, row.held_because = (
                ErasureState.RUNNING.value,
                self.clock(),
                None,
            )
            # Signed out, and unknown to the next sign-in, before anything else goes.
            await erase_rows(session, PERSON, erasure.user_id)
        return True

    async def _refuse_while_held(self, job: StagedJob, erasure: AccountErasure) -> None:
        reasons = []
        for service in self.services.values():
            reasons += await service.held(erasure.user_id)
        if reasons:
            await self._wait(job, erasure, "; ".join(reasons), ASK_AGAIN_SECONDS)

    async def _tell(self, job: StagedJob, erasure: AccountErasure) -> None:
        """Afterwards there is no address any more."""
        try:
            await self.letters.tell_ordered(erasure)
        except MailUnavailable:
            if self.clock() < erasure.starts_at + LETTER_PATIENCE:
                reason = "the letter about it cannot be sent right now"
                await self._wait(job, erasure, reason, ASK_AGAIN_SECONDS)

    async def _erase_everywhere(self, job: StagedJob, erasure: AccountErasure) -> None:
        for service in self.services.values():
            try:
                await service.erase(erasure.user_id)
            except Conflict as held:
                await self._wait(job, erasure, held.detail, FINISH_SECONDS)

    async def _wait(
        self, job: StagedJob, erasure: AccountErasure, reason: str, seconds: float
    ) -> None:
        async with transaction(self.sessions, tenant=erasure.user_id) as session:
            await fence(session, job)
            row = await queries.erasure_by_id(session, erasure.id, lock=True)
            row.held_because = reason
        raise RetryLater(seconds, reason)

    async def _note_erased(self, job: StagedJob, erasure: AccountErasure) -> datetime:
        async with transaction(self.sessions, tenant=erasure.user_id) as session:
            await fence(session, job)
            row = await queries.erasure_by_id(session, erasure.id, lock=True)
            row.held_because = None
            row.erased_at = row.erased_at or self.clock()
            return row.erased_at

    async def _finish(self, job: StagedJob, erasure: AccountErasure) -> None:
        async with transaction(self.sessions, tenant=erasure.user_id) as session:
            await fence(session, job)
            row = await queries.erasure_by_id(session, erasure.id, lock=True)
            row.state, row.ended_at = ErasureState.DONE.value, self.clock()
