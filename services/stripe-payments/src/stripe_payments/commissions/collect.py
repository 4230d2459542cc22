"""Collect an accepted commission: each step is committed before the next call (money-safety 5).

Whatever happens between two lines here, running it again goes on from the committed state: the intent is
created under a key that follows from our row, and an unknown outcome is only left by fetching.
"""

from dataclasses import dataclass

from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import StagedJob, fence
from opside_contracts.payments.messages import NextStep
from stripe_payments.commissions import queries
from stripe_payments.commissions.intent import intent_for
from stripe_payments.commissions.models import Commission
from stripe_payments.commissions.move import move
from stripe_payments.commissions.rules import CANCELLABLE, State
from stripe_payments.commissions.settle import settle_intent
from stripe_payments.customers.payer import Payer, ensure_customer, payer_of
from stripe_payments.stripe_api.errors import OutcomeUnknown, Refused
from stripe_payments.stripe_api.gateway import Intent, Stripe

MOST_STEPS = 6
"""accepted -> preparing -> ready -> confirming -> outcome, with one to spare."""
MOST_CONFIRMS = 4
"""Tries of one intent by ourselves; after that another card, or an administrator, is needed."""


@dataclass(frozen=True, slots=True)
class Collector:
    """One run over one commission."""

    sessions: Sessions
    stripe: Stripe
    job: StagedJob

    async def run(self) -> None:
        """Take step after step until the commission rests or waits for Stripe.

        Raises:
            OutcomeUnknown: Stripe did not answer; the job is tried again and fetches first.
            Refused: Stripe refused our request for good; the job is parked for a person.
        """
        for _ in range(MOST_STEPS):
            commission = await self._read()
            if not await self._step(commission):
                return

    async def _step(self, commission: Commission) -> bool:
        """One step; False when there is nothing to do now."""
        if _is_moot(commission):
            return False
        match State(commission.state):
            case State.ACCEPTED:
                await self._freeze_payer(commission)
            case State.PREPARING:
                await self._prepare(commission)
            case State.READY:
                return await self._begin_confirming(commission)
            case State.AWAITING_CUSTOMER | State.FAILED:
                return await self._try_saved_card(commission)
            case State.CONFIRMING:
                await self._resolve(commission)
                return False
            case State.UNKNOWN | State.PROCESSING:
                await self._resolve(commission)
                return False
            case _:
                return False
        return True

    async def _freeze_payer(self, commission: Commission) -> None:
        """Who pays is written down before the call: a card saved meanwhile must not change a repeat."""
        payer = await payer_of(self.sessions, commission.user_id)
        customer_id = commission.customer_id or await ensure_customer(
            self.sessions, self.stripe, user_id=commission.user_id
        )
        async with transaction(self.sessions, tenant=commission.user_id) as session:
            await fence(session, self.job)
            stored = await queries.lock(session, commission.id)
            if State(stored.state) is State.ACCEPTED:
                stored.customer_id = customer_id
                stored.payment_method_id = stored.payment_method_id or payer.payment_method_id
                await move(session, stored, State.PREPARING)

    async def _prepare(self, commission: Commission) -> None:
        intent = await intent_for(self.stripe, commission)
        async with transaction(self.sessions, tenant=commission.user_id) as session:
            await fence(session, self.job)
            stored = await queries.lock(session, commission.id)
            if State(stored.state) is State.PREPARING:
                stored.intent_id = intent.id
                await move(session, stored, State.READY)

    async def _begin_confirming(self, commission: Commission) -> bool:
        card = await self._card(commission)
        if card is None:
            await self._move(
                commission, State.AWAITING_CUSTOMER, next_step=NextStep.ADD_PAYMENT_METHOD
            )
            return False
        await self._confirm(commission, card)
        return False

    async def _try_saved_card(self, commission: Commission) -> bool:
        """A card was saved since: try it on the same intent, never on a second one."""
        card = await self._card(commission)
        if card is None or commission.intent_id is None:
            return False
        another = card != commission.payment_method_id or self.job.payload.get("ordered")
        if commission.confirm_number >= MOST_CONFIRMS and not another:
            return False
        intent = await self.stripe.intent(commission.intent_id)
        if intent.status not in {"requires_payment_method", "requires_confirmation"}:
            await self._take_over(commission, intent)
            return False
        await self._confirm(commission, card)
        return False

    async def _confirm(self, commission: Commission, card: str) -> None:
        number = commission.confirm_number + 1
        async with transaction(self.sessions, tenant=commission.user_id) as session:
            await fence(session, self.job)
            stored = await queries.lock(session, commission.id)
            # Another run may have been round the whole circle meanwhile: the version tells.
            if stored.version != commission.version or _is_moot(stored):
                return
            stored.confirm_number = number
            stored.payment_method_id = card
            await move(session, stored, State.CONFIRMING)
        await self._call_confirm(commission, card, number)

    async def _call_confirm(self, commission: Commission, card: str, number: int) -> None:
        try:
            intent = await self.stripe.confirm_intent(
                commission.intent_id or "",
                payment_method_id=card,
                idempotency_key=f"c:{commission.id}:cf:{number}",
            )
        except OutcomeUnknown:
            await self._move(commission, State.UNKNOWN, of=State.CONFIRMING)
            raise
        except Refused as refusal:
            # Refused for good, so nothing was charged; the fetched intent says how it stands.
            await self._take_over(commission, await self.stripe.intent(commission.intent_id or ""))
            await self._give_up(commission, refusal.code)
            return
        await self._take_over(commission, intent)

    async def _resolve(self, commission: Commission) -> None:
        """Fetch: the only way out of an outcome that nobody knows."""
        if commission.intent_id is None:
            raise LookupError(f"{commission.id} is {commission.state} without an intent")
        intent = await self.stripe.intent(commission.intent_id)
        if not _never_confirmed(commission, intent):
            await self._take_over(commission, intent)
            return
        card = await self._card(commission)
        if card and commission.confirm_number < MOST_CONFIRMS and not _is_moot(commission):
            if State(commission.state) is State.CONFIRMING:
                await self._move(commission, State.UNKNOWN, of=State.CONFIRMING)
                commission = await self._read()
            await self._confirm(commission, card)
        elif card is None or commission.confirm_number >= MOST_CONFIRMS:
            await self._give_up(commission, "not_confirmed")

    async def _give_up(self, commission: Commission, reason: str) -> None:
        """Nothing was charged, and trying the same again is no use: another card is needed."""
        async with transaction(self.sessions, tenant=commission.user_id) as session:
            await fence(session, self.job)
            stored = await queries.lock(session, commission.id)
            if State(stored.state) in {State.CONFIRMING, State.UNKNOWN}:
                await move(
                    session,
                    stored,
                    State.FAILED,
                    next_step=NextStep.REPLACE_PAYMENT_METHOD,
                    failure_reason=reason,
                )

    async def _take_over(self, commission: Commission, intent: Intent) -> None:
        async with transaction(self.sessions, tenant=commission.user_id) as session:
            await fence(session, self.job)
            stored = await queries.lock(session, commission.id)
            await settle_intent(session, stored, intent)

    async def _card(self, commission: Commission) -> str | None:
        payer: Payer = await payer_of(self.sessions, commission.user_id)
        if payer.payment_method_id is not None or commission.confirm_number:
            return payer.payment_method_id
        # Named in the request, and not tried yet.
        return commission.payment_method_id

    async def _read(self) -> Commission:
        async with transaction(self.sessions, tenant=self.job.tenant or "") as session:
            found = await queries.by_id(session, self.job.payload["commissionId"])
        if found is None:
            raise LookupError(f"no commission {self.job.payload['commissionId']}")
        return found

    async def _move(
        self,
        commission: Commission,
        to: State,
        *,
        of: State | None = None,
        next_step: NextStep = NextStep.NONE,
    ) -> None:
        async with transaction(self.sessions, tenant=commission.user_id) as session:
            await fence(session, self.job)
            stored = await queries.lock(session, commission.id)
            if stored.state == (of or State(commission.state)).value:
                await move(session, stored, to, next_step=next_step)


def _is_moot(commission: Commission) -> bool:
    """All that was recovered was taken back: the clawback cancels this fee, or has nothing to do."""
    return (
        State(commission.state) in CANCELLABLE
        and commission.taken_back_minor == commission.amount_minor
    )


def _never_confirmed(commission: Commission, intent: Intent) -> bool:
    """The intent is as it was before our last confirm: that one never reached Stripe."""
    if intent.status == "requires_confirmation":
        return True
    return intent.status == "requires_payment_method" and (
        intent.failure_code is None or intent.latest_charge_id == commission.declined_charge_id
    )
