"""Ask Stripe for what a clawback gives back, never twice: what it has already is looked up first."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import RetryLater, StagedJob, fence
from stripe_payments.audit.cases import open_case_once
from stripe_payments.clawbacks import queries
from stripe_payments.clawbacks.models import Clawback
from stripe_payments.clawbacks.move import take_key
from stripe_payments.commissions.access import Commission, locked
from stripe_payments.commissions.rules import STATE_DEADLINE_SECONDS
from stripe_payments.stripe_api.asking import (
    ASKED_IN_VAIN,
    LISTS_APART,
    MOST_KEYS,
    Turn,
    key_is_useless,
    seconds_to_wait,
    turn,
)
from stripe_payments.stripe_api.errors import OutcomeUnknown, Refused
from stripe_payments.stripe_api.gateway import (
    NewRefund,
    NewReversal,
    Refund,
    Stripe,
    TransferReversal,
)

Made = TypeVar("Made", Refund, TransferReversal)


@dataclass(frozen=True, slots=True)
class Asker:
    """One run's questions. None as an answer: another run took the step meanwhile."""

    sessions: Sessions
    stripe: Stripe
    job: StagedJob
    clock: Clock

    async def reversal(self, commission: Commission, clawback: Clawback) -> TransferReversal | None:
        """The seller's part, taken back from his account.

        Raises:
            OutcomeUnknown: Stripe did not answer; asking again is safe.
            Refused: Stripe said no for good.
            RetryLater: nothing is seen of one that may have been made; look again then.
        """
        transfer_id = commission.transfer_id or ""

        async def look() -> TransferReversal | None:
            made = await self.stripe.reversals_of(transfer_id)
            return next((one for one in made if one.metadata.get("clawback") == clawback.id), None)

        async def ask(row: Clawback) -> TransferReversal:
            return await self.stripe.reverse_transfer(
                NewReversal(row.id, transfer_id, row.reverse_minor),
                idempotency_key=f"v:{row.id}:{row.attempt}",
            )

        return await self._made(clawback, look, ask)

    async def refund(self, commission: Commission, clawback: Clawback) -> Refund | None:
        """What the payer gets back; raises what `reversal` raises."""
        charge_id = commission.charge_id or ""

        async def look() -> Refund | None:
            made = await self.stripe.refunds_of(charge_id)
            # Of whatever attempt: one that did not fail gave the money back.
            ours = (one for one in made if one.metadata.get("clawback") == clawback.id)
            return next((one for one in ours if not one.failed), None)

        async def ask(row: Clawback) -> Refund:
            return await self.stripe.refund(
                NewRefund(row.id, row.attempt, charge_id, row.refund_minor),
                idempotency_key=f"r:{row.id}:{row.attempt}",
            )

        return await self._made(clawback, look, ask)

    async def _made(
        self,
        clawback: Clawback,
        look: Callable[[], Awaitable[Made | None]],
        ask: Callable[[Clawback], Awaitable[Made]],
    ) -> Made | None:
        looked_at = self.clock()
        seen = await look()
        if seen is not None:
            return seen
        row = await self._turn(clawback, looked_at)
        if row is None:
            return None
        try:
            return await ask(row)
        except (OutcomeUnknown, Refused) as failure:
            if not key_is_useless(failure):
                raise
        looked_at = self.clock()
        seen = await look()
        if seen is not None:
            return seen
        await self._key_is_useless(row, looked_at)
        return None

    async def _turn(self, clawback: Clawback, looked_at: datetime) -> Clawback | None:
        """The row under whose attempt Stripe is asked now."""
        async with transaction(self.sessions, tenant=clawback.user_id) as session:
            commission, row = await self._locked(session, clawback)
            if (row.state, row.attempt) != (clawback.state, clawback.attempt):
                return None
            now = turn(asked_at=row.asked_at, unseen_at=row.unseen_at, now=looked_at)
            if now is Turn.NOTE_UNSEEN:
                _note_unseen(commission, row, looked_at)
            elif now is Turn.NEXT_KEY:
                await _take_next_key(session, row, looked_at)
        if now in {Turn.WAIT, Turn.NOTE_UNSEEN}:
            raise _too_early(row, looked_at)
        return row

    async def _key_is_useless(self, asked: Clawback, looked_at: datetime) -> None:
        async with transaction(self.sessions, tenant=asked.user_id) as session:
            commission, row = await self._locked(session, asked)
            if (row.state, row.attempt) != (asked.state, asked.attempt):
                return
            _note_unseen(commission, row, looked_at)
        raise _too_early(row, looked_at)

    async def _locked(
        self, session: AsyncSession, clawback: Clawback
    ) -> tuple[Commission, Clawback]:
        await fence(session, self.job)
        commission = await locked(session, clawback.commission_id)
        return commission, await queries.lock(session, clawback.id)


async def _take_next_key(session: AsyncSession, row: Clawback, looked_at: datetime) -> None:
    row.attempt += 1
    take_key(row, looked_at)
    await session.flush()
    if row.attempt > MOST_KEYS:
        await open_case_once(
            session,
            kind=ASKED_IN_VAIN,
            reference=row.id,
            reason=f"{row.attempt - 1} requests of this clawback brought nothing",
        )


def _note_unseen(commission: Commission, row: Clawback, looked_at: datetime) -> None:
    """The first of two empty lists; the sweep has nothing to do before the second."""
    row.unseen_at = row.unseen_at or looked_at
    commission.deadline_at = looked_at + LISTS_APART + timedelta(seconds=STATE_DEADLINE_SECONDS)


def _too_early(row: Clawback, looked_at: datetime) -> RetryLater:
    left = seconds_to_wait(row.unseen_at or looked_at, looked_at)
    return RetryLater(left, "nothing is seen of what may have been given back")
