"""What the moves of a commission add to the measures of the business."""

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from stripe_payments import metrics
from stripe_payments.commissions.models import Commission
from stripe_payments.commissions.rules import State

_ON_THE_WAY = {
    State.CHARGED,
    State.TRANSFERRING,
    State.TRANSFER_UNKNOWN,
    State.TRANSFER_BLOCKED,
}


def measure_move(session: AsyncSession, commission: Commission, *, of: State, to: State) -> None:
    """Count this move once it is committed."""
    currency, collection = commission.currency, commission.collection
    match to:
        case State.CHARGED:
            fee, collected = commission.fee_minor, commission.collected_minor
            metrics.when_committed(session, lambda: _charged(currency, fee, collected))
        case State.FAILED | State.AWAITING_CUSTOMER if of in {State.CONFIRMING, State.UNKNOWN}:
            reason = commission.failure_reason or commission.next_step
            outcome = "failed" if to is State.FAILED else "needs_customer"
            attributes = {"outcome": outcome, "reason": reason, "currency": currency}
            metrics.when_committed(session, lambda: metrics.charges.add(1, attributes))
        case State.SETTLED if of in _ON_THE_WAY:
            took = (datetime.now(UTC) - commission.created_at).total_seconds()
            metrics.when_committed(
                session, lambda: metrics.settle_seconds.record(took, {"collection": collection})
            )
    _measure_transfer(session, commission, of=of, to=to)


def _measure_transfer(
    session: AsyncSession, commission: Commission, *, of: State, to: State
) -> None:
    outcome = {
        State.SETTLED: "sent",
        State.TRANSFER_BLOCKED: "blocked",
        State.TRANSFER_UNKNOWN: "unknown",
    }.get(to)
    sent = to is not State.SETTLED or commission.transfer_id is not None
    if outcome is None or not sent or of not in _ON_THE_WAY:
        return
    attributes = {"outcome": outcome, "currency": commission.currency}
    metrics.when_committed(session, lambda: metrics.transfers.add(1, attributes))


def measure_credit(session: AsyncSession, *, currency: str, fee_minor: int) -> None:
    """A fee that was revenue is owed back."""
    metrics.when_committed(session, lambda: metrics.revenue.add(-fee_minor, {"currency": currency}))


def _charged(currency: str, fee_minor: int, collected_minor: int) -> None:
    named = {"currency": currency}
    metrics.charges.add(1, {"outcome": "succeeded", "reason": "", **named})
    metrics.charged_amount.record(collected_minor, named)
    metrics.revenue.add(fee_minor, named)
