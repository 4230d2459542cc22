"""Give a fee back: credit note first, then the seller's part, then the refund (money-safety 5).

Each step is committed before the next call. Running it again goes on from the committed state; what may
have happened at Stripe already is looked up by its list before it is asked for.
"""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.clock import Clock, utc_now
from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import StagedJob, fence
from opside_contracts.payments.messages import Collection
from stripe_payments.clawbacks import queries
from stripe_payments.clawbacks.ask import Asker
from stripe_payments.clawbacks.models import Clawback
from stripe_payments.clawbacks.move import (
    begin_refund,
    block,
    share_came_back,
    step,
    take_key,
    take_over_refund,
)
from stripe_payments.clawbacks.rules import Step, due
from stripe_payments.commissions.access import Commission, locked, read
from stripe_payments.commissions.cancel import cancel_uncollected
from stripe_payments.commissions.measures import measure_credit
from stripe_payments.commissions.move import move
from stripe_payments.commissions.rules import COLLECTED, State
from stripe_payments.ledger.book import book_credit_note
from stripe_payments.stripe_api.errors import Refused
from stripe_payments.stripe_api.gateway import Refund, Stripe

MOST_STEPS = 40
"""Four a clawback: ten reversals of one recovery in one run; the rest goes on in the next."""
_IN_FLIGHT = {State.TRANSFERRING, State.TRANSFER_UNKNOWN}


@dataclass(frozen=True, slots=True)
class Performer:
    """One run over the open clawbacks of one commission, oldest first."""

    sessions: Sessions
    stripe: Stripe
    job: StagedJob
    clock: Clock = utc_now

    async def run(self) -> None:
        """Take step after step until nothing is open, or only others can go on.

        Raises:
            OutcomeUnknown: Stripe did not answer; the job is tried again and looks first.
            RetryLater: nothing is seen of what may have been given back; look again then.
        """
        for _ in range(MOST_STEPS):
            commission = await read(self.sessions, self.job)
            async with transaction(self.sessions, tenant=commission.user_id) as session:
                clawback = await queries.next_open(session, commission.id)
            if clawback is None or not await self._step(commission, clawback):
                return

    @property
    def _asker(self) -> Asker:
        return Asker(self.sessions, self.stripe, self.job, self.clock)

    async def _step(self, commission: Commission, clawback: Clawback) -> bool:
        """One step; False when there is nothing to do now."""
        match Step(clawback.state):
            case Step.REQUESTED:
                return await self._credit(commission, clawback)
            case Step.CREDITED:
                await self._begin(commission, clawback)
            case Step.REVERSING:
                await self._reverse(commission, clawback)
            case Step.REFUNDING:
                await self._refund(commission, clawback)
            case _:
                return await self._look_again(commission, clawback)
        return True

    async def _credit(self, commission: Commission, clawback: Clawback) -> bool:
        """Book what we owe. A fee that is not collected yet is cancelled, or waited for."""
        state = State(commission.state)
        if state in {State.WAIVED, State.CANCELLED}:
            await self._nothing_due(clawback)
            return True
        if state in _IN_FLIGHT:
            return False
        if state not in COLLECTED:
            if commission.taken_back_minor < commission.amount_minor:
                return False
            return await cancel_uncollected(self.sessions, self.stripe, self.job, commission)
        async with transaction(self.sessions, tenant=commission.user_id) as session:
            stored, row = await self._locked(session, commission, clawback)
            if Step(row.state) is Step.REQUESTED and State(stored.state) not in _IN_FLIGHT:
                await _book_credit(session, stored, row)
        return True

    async def _begin(self, commission: Commission, clawback: Clawback) -> None:
        """First what the seller's account gives back, bounded by what is left there."""
        async with transaction(self.sessions, tenant=commission.user_id) as session:
            stored, row = await self._locked(session, commission, clawback)
            if Step(row.state) is not Step.CREDITED:
                return
            left = stored.transferred_minor - stored.reversed_minor
            if row.transfer_reversal_id is None:
                row.reverse_minor = min(row.refund_minor - row.fee_back_minor, left)
            if row.reverse_minor and row.transfer_reversal_id is None:
                take_key(row, self.clock())
                await step(session, row, Step.REVERSING)
            else:
                await begin_refund(session, stored, row, now=self.clock())

    async def _reverse(self, commission: Commission, clawback: Clawback) -> None:
        try:
            made = await self._asker.reversal(commission, clawback)
        except Refused as refusal:
            await self._block(commission, clawback, Step.REVERSING, str(refusal))
            return
        if made is None:
            return
        async with transaction(self.sessions, tenant=commission.user_id) as session:
            stored, row = await self._locked(session, commission, clawback)
            if Step(row.state) is Step.REVERSING:
                await share_came_back(session, stored, row, made, now=self.clock())

    async def _refund(self, commission: Commission, clawback: Clawback) -> None:
        try:
            made = await self._asker.refund(commission, clawback)
        except Refused as refusal:
            await self._block(commission, clawback, Step.REFUNDING, str(refusal))
            return
        if made is not None:
            await self._take_over(commission, clawback, made)

    async def _look_again(self, commission: Commission, clawback: Clawback) -> bool:
        """A pending refund whose event may have been lost."""
        refund = await self.stripe.fetch_refund(clawback.refund_id or "")
        if refund.status == "pending":
            return False
        await self._take_over(commission, clawback, refund)
        return True

    async def _take_over(self, commission: Commission, clawback: Clawback, made: Refund) -> None:
        async with transaction(self.sessions, tenant=commission.user_id) as session:
            stored, row = await self._locked(session, commission, clawback)
            await take_over_refund(session, stored, row, made)

    async def _block(
        self, commission: Commission, clawback: Clawback, of: Step, reason: str
    ) -> None:
        async with transaction(self.sessions, tenant=commission.user_id) as session:
            stored, row = await self._locked(session, commission, clawback)
            if Step(row.state) is of and row.attempt == clawback.attempt:
                if of is Step.REFUNDING:
                    stored.refund_reserved_minor -= row.refund_minor
                await block(session, row, reason=reason)

    async def _nothing_due(self, clawback: Clawback) -> None:
        async with transaction(self.sessions, tenant=clawback.user_id) as session:
            await fence(session, self.job)
            row = await queries.lock(session, clawback.id)
            if Step(row.state) is Step.REQUESTED:
                await step(session, row, Step.NOTHING_DUE)

    async def _locked(
        self, session: AsyncSession, commission: Commission, clawback: Clawback
    ) -> tuple[Commission, Clawback]:
        await fence(session, self.job)
        stored = await locked(session, commission.id)
        return stored, await queries.lock(session, clawback.id)


async def _book_credit(session: AsyncSession, commission: Commission, clawback: Clawback) -> None:
    """The credit note: from here on the payer is owed his part."""
    owed = due(
        collection=Collection(commission.collection),
        credited=commission.credited_minor,
        more=clawback.taken_back_minor,
        rate_bp=commission.rate_bp,
    )
    if State(commission.state) is not State.REVERSAL_NEEDED:
        await move(session, commission, State.REVERSAL_NEEDED)
    commission.credited_minor += clawback.taken_back_minor
    commission.fee_credited_minor += owed.fee_back
    clawback.fee_back_minor, clawback.refund_minor = owed.fee_back, owed.refund
    await step(session, clawback, Step.CREDITED)
    measure_credit(session, currency=commission.currency, fee_minor=owed.fee_back)
    await book_credit_note(
        session,
        commission_id=commission.id,
        clawback_id=clawback.id,
        currency=commission.currency,
        fee_minor=owed.fee_back,
        share_minor=owed.share_back,
    )
