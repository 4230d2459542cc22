"""Send a seller his share of what was collected: reserve first, call Stripe second."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.clock import Clock, utc_now
from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import RetryLater, StagedJob, fence
from opside_contracts.payments.messages import NextStep
from stripe_payments.audit.cases import DISPUTE, case_is_open, open_case_once
from stripe_payments.commissions.access import Commission, locked, read
from stripe_payments.commissions.move import move
from stripe_payments.commissions.rules import STATE_DEADLINE_SECONDS, State
from stripe_payments.connected_accounts.destination import destination_of
from stripe_payments.ledger.book import book_transfer
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
from stripe_payments.stripe_api.gateway import NewTransfer, SellerTransfer, Stripe

_STARTS = {State.CHARGED, State.TRANSFER_BLOCKED, State.TRANSFER_UNKNOWN}
_OPEN = _STARTS | {State.TRANSFERRING}
_IN_DOUBT = {State.TRANSFERRING, State.TRANSFER_UNKNOWN}


@dataclass(frozen=True, slots=True)
class _Reserved:
    """A share set aside; `fresh` when this run did it."""

    commission: Commission
    fresh: bool


@dataclass(frozen=True, slots=True)
class ShareSender:
    """One run over one commission."""

    sessions: Sessions
    stripe: Stripe
    job: StagedJob
    clock: Clock = utc_now

    async def run(self) -> None:
        """Safe to repeat: what Stripe has already is looked up first, and a key belongs to a reservation.

        Raises:
            OutcomeUnknown: Stripe did not answer; the job is tried again.
            Refused: Stripe refused for good; the share waits for the seller's account.
            RetryLater: nothing is seen of a transfer that may have been made; look again then.
        """
        commission = await read(self.sessions, self.job)
        if State(commission.state) not in _OPEN:
            return
        looked_at = self.clock()
        if await self._found(commission):
            return
        destination = await destination_of(self.sessions, commission.user_id)
        reserved = await self._reserve(looked_at)
        if reserved is None:
            return
        if destination is not None:
            await self._send(reserved.commission, destination)
        elif reserved.fresh:
            await self._release()
        else:
            # Another run's call may be on its way: what it reserved, and its key, stay.
            await self._unknown()

    async def _found(self, commission: Commission) -> bool:
        seen = await self.stripe.transfers_of(commission.id)
        if seen:
            await self._settle(seen[0])
        return bool(seen)

    async def _reserve(self, looked_at: datetime) -> _Reserved | None:
        """Set aside what is left of the share; the database refuses more than was collected.

        Money that Amazon took back is not sent: its clawback comes first, and stages us again. Nor is
        money that the payer disputes. A repeat keeps amount and key of the reservation; after a definite
        refusal both are made anew.
        """
        async with transaction(self.sessions, tenant=self.job.tenant or "") as session:
            stored = await self._locked(session)
            # What may have been sent is asked for again all the same: the clawback waits to know of it.
            clawback_first = stored.taken_back_minor > stored.credited_minor
            if State(stored.state) not in _OPEN or (clawback_first and not stored.reserved_minor):
                return None
            fresh = stored.reserved_minor == 0
            if fresh and await case_is_open(session, kind=DISPUTE, reference=stored.id):
                return None
            if fresh:
                share_credited = stored.credited_minor - stored.fee_credited_minor
                stored.reserved_minor = stored.share_minor - share_credited
                _take_next_key(stored, looked_at)
            may_ask = fresh or await _may_ask(session, stored, looked_at)
            if may_ask and State(stored.state) is not State.TRANSFERRING:
                await move(session, stored, State.TRANSFERRING)
        if not may_ask:
            raise _too_early(stored, looked_at)
        return _Reserved(stored, fresh=fresh)

    async def _send(self, commission: Commission, destination: str) -> None:
        new = NewTransfer(
            commission_id=commission.id,
            amount_minor=commission.reserved_minor,
            currency=commission.currency,
            destination=destination,
            charge_id=commission.charge_id or "",
        )
        key = f"t:{commission.id}:{commission.transfer_number}"
        try:
            made = await self.stripe.create_transfer(new, idempotency_key=key)
        except (OutcomeUnknown, Refused) as failure:
            if isinstance(failure, OutcomeUnknown) or key_is_useless(failure):
                await self._unknown()
            else:
                await self._release()
            if not key_is_useless(failure):
                raise
            await self._look_again(commission)
            return
        await self._settle(made)

    async def _look_again(self, commission: Commission) -> None:
        """The key brings the same failure for ever: is there a transfer all the same?"""
        looked_at = self.clock()
        if await self._found(commission):
            return
        async with transaction(self.sessions, tenant=self.job.tenant or "") as session:
            stored = await self._locked(session)
            if State(stored.state) not in _IN_DOUBT or (
                stored.transfer_number != commission.transfer_number
            ):
                return
            _note_unseen(stored, looked_at)
        raise _too_early(stored, looked_at)

    async def _release(self) -> None:
        async with transaction(self.sessions, tenant=self.job.tenant or "") as session:
            stored = await self._locked(session)
            if State(stored.state) is State.TRANSFERRING:
                stored.reserved_minor = 0
                await move(
                    session, stored, State.TRANSFER_BLOCKED, next_step=NextStep.FINISH_ONBOARDING
                )

    async def _unknown(self) -> None:
        async with transaction(self.sessions, tenant=self.job.tenant or "") as session:
            stored = await self._locked(session)
            if State(stored.state) is State.TRANSFERRING:
                await move(session, stored, State.TRANSFER_UNKNOWN)

    async def _settle(self, made: SellerTransfer) -> None:
        async with transaction(self.sessions, tenant=self.job.tenant or "") as session:
            stored = await self._locked(session)
            if State(stored.state) not in _OPEN:
                return
            stored.reserved_minor = 0
            stored.transferred_minor = made.amount_minor
            stored.transfer_id = made.id
            await move(session, stored, State.SETTLED)
            await book_transfer(
                session,
                commission_id=stored.id,
                transfer_id=made.id,
                currency=stored.currency,
                amount_minor=made.amount_minor,
            )

    async def _locked(self, session: AsyncSession) -> Commission:
        await fence(session, self.job)
        return await locked(session, self.job.payload["commissionId"])


async def _may_ask(session: AsyncSession, stored: Commission, looked_at: datetime) -> bool:
    """Whether a transfer of which the list shows nothing is asked for now; writes down why not."""
    match turn(
        asked_at=stored.transfer_asked_at, unseen_at=stored.transfer_unseen_at, now=looked_at
    ):
        case Turn.ASK:
            return True
        case Turn.NEXT_KEY:
            _take_next_key(stored, looked_at)
            if stored.transfer_number > MOST_KEYS:
                await open_case_once(
                    session,
                    kind=ASKED_IN_VAIN,
                    reference=stored.id,
                    reason=f"{stored.transfer_number - 1} requests for its transfer brought nothing",
                )
            return True
        case Turn.NOTE_UNSEEN:
            _note_unseen(stored, looked_at)
    return False


def _take_next_key(stored: Commission, looked_at: datetime) -> None:
    stored.transfer_number += 1
    stored.transfer_asked_at = looked_at
    stored.transfer_unseen_at = None


def _note_unseen(stored: Commission, looked_at: datetime) -> None:
    """The first of two empty lists; the sweep has nothing to do before the second."""
    stored.transfer_unseen_at = stored.transfer_unseen_at or looked_at
    stored.deadline_at = looked_at + LISTS_APART + timedelta(seconds=STATE_DEADLINE_SECONDS)


def _too_early(stored: Commission, looked_at: datetime) -> RetryLater:
    left = seconds_to_wait(stored.transfer_unseen_at or looked_at, looked_at)
    return RetryLater(left, "nothing is seen of a transfer that may have been made")
