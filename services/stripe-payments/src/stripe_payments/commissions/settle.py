"""Take over what Stripe says of an intent. Collecting and webhooks both end here, in any order."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.outbox import stage
from opside_contracts.payments.messages import Collection, NextStep
from stripe_payments.audit.cases import open_case_once
from stripe_payments.commissions.models import Commission
from stripe_payments.commissions.move import BOOK_FEE, COLLECT, TRANSFER, move
from stripe_payments.commissions.rules import COLLECTED, State, dunning_days, may_move
from stripe_payments.ledger.book import book_charge
from stripe_payments.stripe_api.gateway import Intent


async def settle_intent(session: AsyncSession, commission: Commission, intent: Intent) -> None:
    """Ask the state machine for the edge that the fetched intent stands for; none is fine too.

    The commission is locked by the caller's transaction. What was collected stays collected: a late
    failure is ignored.
    """
    if State(commission.state) in COLLECTED:
        return
    if (intent.amount_minor, intent.currency) != (commission.charge_minor, commission.currency):
        await open_case_once(
            session,
            kind="intent_mismatch",
            reference=commission.id,
            reason=f"intent {intent.id} is over {intent.amount_minor} {intent.currency}",
        )
        return
    match intent.status:
        case "succeeded":
            await _charged(session, commission, intent)
        case "processing":
            await _move_if_legal(session, commission, State.PROCESSING)
        case "requires_action":
            await _move_if_legal(
                session,
                commission,
                State.AWAITING_CUSTOMER,
                next_step=NextStep.AUTHENTICATE_PAYMENT,
            )
        case "requires_payment_method":
            await _declined(session, commission, intent)
        case "canceled":
            await _move_if_legal(session, commission, State.CANCELLED)


async def _charged(session: AsyncSession, commission: Commission, intent: Intent) -> None:
    if not may_move(State(commission.state), State.CHARGED):
        await open_case_once(
            session,
            kind="paid_unexpectedly",
            reference=commission.id,
            reason=f"intent {intent.id} succeeded while the commission was {commission.state}",
        )
        return
    gross = commission.collection == Collection.GROSS.value
    commission.charge_id = intent.latest_charge_id
    commission.collected_minor = intent.amount_minor
    await move(session, commission, State.CHARGED)
    await book_charge(
        session,
        commission_id=commission.id,
        charge_id=intent.latest_charge_id or intent.id,
        currency=commission.currency,
        fee_minor=commission.fee_minor,
        owed_minor=commission.share_minor if gross else 0,
    )
    await stage(
        session,
        BOOK_FEE,
        {"commissionId": commission.id, "chargeId": intent.latest_charge_id},
        tenant=commission.user_id,
        dedupe_key=f"{BOOK_FEE}:{intent.latest_charge_id}",
    )
    if gross and commission.share_minor:
        await stage(
            session,
            TRANSFER,
            {"commissionId": commission.id},
            tenant=commission.user_id,
            dedupe_key=f"{TRANSFER}:{commission.id}:first",
        )
    else:
        await move(session, commission, State.SETTLED)


async def _declined(session: AsyncSession, commission: Commission, intent: Intent) -> None:
    """A decline counts once: the same failed charge fetched again says nothing new."""
    if intent.failure_code is None or (
        intent.latest_charge_id is not None
        and intent.latest_charge_id == commission.declined_charge_id
    ):
        return
    step = NextStep.REPLACE_PAYMENT_METHOD
    if intent.failure_code == "authentication_required":
        step = NextStep.AUTHENTICATE_PAYMENT
    commission.declined_charge_id = intent.latest_charge_id
    await _move_if_legal(
        session, commission, State.FAILED, next_step=step, failure_reason=intent.failure_code
    )
    days = dunning_days(tries=commission.confirm_number, failure_code=intent.failure_code)
    if days is not None:
        await stage(
            session,
            COLLECT,
            {"commissionId": commission.id},
            tenant=commission.user_id,
            due_at=datetime.now(UTC) + timedelta(days=days),
            dedupe_key=f"dunning:{commission.id}:{commission.confirm_number}",
        )


async def _move_if_legal(
    session: AsyncSession,
    commission: Commission,
    to: State,
    *,
    next_step: NextStep = NextStep.NONE,
    failure_reason: str | None = None,
) -> None:
    if may_move(State(commission.state), to):
        await move(session, commission, to, next_step=next_step, failure_reason=failure_reason)
