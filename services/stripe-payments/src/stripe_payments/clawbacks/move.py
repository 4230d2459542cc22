"""Move a locked clawback to another state, and its commission with it."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.outbox import RetryLater, stage
from opside_contracts.payments.messages import Collection
from stripe_payments import metrics
from stripe_payments.audit.cases import open_case, open_case_once
from stripe_payments.clawbacks import queries
from stripe_payments.clawbacks.models import Clawback
from stripe_payments.clawbacks.rules import TRANSITIONS, Step
from stripe_payments.commissions.access import Commission
from stripe_payments.commissions.move import TRANSFER, move
from stripe_payments.commissions.rules import State, may_move
from stripe_payments.ledger.book import book_failed_refund, book_refund, book_transfer_reversal
from stripe_payments.metrics import when_committed
from stripe_payments.stripe_api.gateway import Refund, TransferReversal

TRANSFER_WAIT_SECONDS = 30


class IllegalStep(Exception):
    """A state machine bug: the database would refuse it too."""


async def step(session: AsyncSession, clawback: Clawback, to: Step) -> None:
    """Change the state.

    Raises:
        IllegalStep: no clawback goes there.
    """
    of = Step(clawback.state)
    if (of, to) not in TRANSITIONS:
        raise IllegalStep(f"{clawback.id}: {of} -> {to}")
    clawback.state = to.value
    await session.flush()
    when_committed(session, lambda: metrics.clawbacks.add(1, {"step": to.value}))


def take_key(clawback: Clawback, now: datetime) -> None:
    """From now on the present step asks Stripe under the present attempt's key."""
    clawback.asked_at, clawback.unseen_at = now, None


async def share_came_back(
    session: AsyncSession,
    commission: Commission,
    clawback: Clawback,
    made: TransferReversal,
    *,
    now: datetime,
) -> None:
    """The seller's account gave its part back: book it, and go on to the refund."""
    clawback.transfer_reversal_id = made.id
    commission.reversed_minor += made.amount_minor
    await session.flush()
    await book_transfer_reversal(
        session,
        commission_id=commission.id,
        reversal_id=made.id,
        currency=commission.currency,
        amount_minor=made.amount_minor,
    )
    await begin_refund(session, commission, clawback, now=now)


async def begin_refund(
    session: AsyncSession, commission: Commission, clawback: Clawback, *, now: datetime
) -> None:
    """Reserve what the payer gets back before Stripe is called; nothing to refund ends it here."""
    if clawback.refund_minor == 0:
        await step(session, clawback, Step.SUCCEEDED)
        await close(session, commission)
        return
    commission.refund_reserved_minor += clawback.refund_minor
    await session.flush()
    take_key(clawback, now)
    await step(session, clawback, Step.REFUNDING)


async def take_over_refund(
    session: AsyncSession, commission: Commission, clawback: Clawback, refund: Refund
) -> None:
    """Ask for the edge that the fetched refund stands for. Worker and webhooks both end here."""
    if clawback.refund_id not in {None, refund.id} or clawback.state not in _WITH_REFUND:
        return
    if (refund.amount_minor, refund.currency) != (clawback.refund_minor, commission.currency):
        await open_case_once(
            session,
            kind="refund_mismatch",
            reference=clawback.id,
            reason=f"refund {refund.id} is over {refund.amount_minor} {refund.currency}",
        )
        return
    match refund.status:
        case "succeeded":
            await _refunded(session, commission, clawback, refund)
        case "failed" | "canceled":
            await _refund_failed(session, commission, clawback, refund)
        case _:
            await _pending(session, commission, clawback, refund)


_WITH_REFUND = {Step.REFUNDING.value, Step.REFUND_PENDING.value, Step.SUCCEEDED.value}


async def block(session: AsyncSession, clawback: Clawback, *, reason: str) -> None:
    """Stripe said no for good: rest, and ask a person."""
    clawback.failure_reason = reason
    await step(session, clawback, Step.BLOCKED)
    await open_case(session, kind="clawback_blocked", reference=clawback.id, reason=reason)


async def close(session: AsyncSession, commission: Commission) -> None:
    """Bring the commission back to rest once nothing is left to give back."""
    if State(commission.state) is not State.REVERSAL_NEEDED:
        return
    if await queries.has_unfinished(session, commission.id):
        return
    if commission.taken_back_minor > commission.credited_minor:
        return
    gross = commission.collection == Collection.GROSS.value
    share_left = (
        commission.amount_minor
        - commission.credited_minor
        - (commission.fee_minor - commission.fee_credited_minor)
    )
    if commission.credited_minor == commission.amount_minor:
        await move(session, commission, State.REFUNDED)
    elif gross and commission.transfer_id is None and share_left:
        await move(session, commission, State.TRANSFER_BLOCKED)
        await stage(session, TRANSFER, {"commissionId": commission.id}, tenant=commission.user_id)
    else:
        await move(session, commission, State.SETTLED)


async def _refunded(
    session: AsyncSession, commission: Commission, clawback: Clawback, refund: Refund
) -> None:
    if Step(clawback.state) is Step.SUCCEEDED:
        return
    await _book(session, commission, clawback, refund)
    commission.refund_reserved_minor -= refund.amount_minor
    commission.refunded_minor += refund.amount_minor
    await session.flush()
    named = {"currency": commission.currency}
    when_committed(session, lambda: metrics.refunded.add(refund.amount_minor, named))
    await step(session, clawback, Step.SUCCEEDED)
    await close(session, commission)


async def _pending(
    session: AsyncSession, commission: Commission, clawback: Clawback, refund: Refund
) -> None:
    if Step(clawback.state) is not Step.REFUNDING:
        return
    await _book(session, commission, clawback, refund)
    await step(session, clawback, Step.REFUND_PENDING)


async def _refund_failed(
    session: AsyncSession, commission: Commission, clawback: Clawback, refund: Refund
) -> None:
    """The money is back with us. What was booked is reversed; what was not, is booked both ways."""
    await _book(session, commission, clawback, refund)
    await book_failed_refund(
        session,
        commission_id=commission.id,
        refund_id=refund.id,
        currency=commission.currency,
        amount_minor=refund.amount_minor,
    )
    if Step(clawback.state) is Step.SUCCEEDED:
        if State(commission.state) is not State.REVERSAL_NEEDED:
            await _reopen(session, commission, refund)
        else:
            commission.refunded_minor -= refund.amount_minor
    else:
        commission.refund_reserved_minor -= refund.amount_minor
    # The next attempt makes another refund.
    clawback.refund_id = None
    await block(
        session, clawback, reason=f"refund {refund.id}: {refund.failure_reason or 'failed'}"
    )


async def _reopen(session: AsyncSession, commission: Commission, refund: Refund) -> None:
    if not may_move(State(commission.state), State.REVERSAL_NEEDED):
        raise RetryLater(TRANSFER_WAIT_SECONDS, "the rest of the share is being sent just now")
    # Both in one statement: the database lets the sum sink only while a reversal is needed.
    commission.refunded_minor -= refund.amount_minor
    await move(session, commission, State.REVERSAL_NEEDED)


async def _book(
    session: AsyncSession, commission: Commission, clawback: Clawback, refund: Refund
) -> None:
    clawback.refund_id = refund.id
    await book_refund(
        session,
        commission_id=commission.id,
        refund_id=refund.id,
        currency=commission.currency,
        amount_minor=refund.amount_minor,
    )
