"""Move a locked commission to another state; what follows from every move stands here once."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.acceptance import NewJob
from opside_chassis.outbox import stage
from opside_contracts.events import CommissionChanged
from opside_contracts.payments.messages import Collection, NextStep
from stripe_payments.commissions.measures import measure_move
from stripe_payments.commissions.models import Commission
from stripe_payments.commissions.rules import (
    RESTING,
    STATE_DEADLINE_SECONDS,
    State,
    may_move,
    public_status,
)

PUBLISH_EVENT = "publish_event"
COLLECT = "collect_commission"
TRANSFER = "transfer_share"
BOOK_FEE = "book_processor_fee"
PERFORM_CLAWBACKS = "perform_clawbacks"

FIRST_VERSION = 1
"""Of a commission as it is inserted; a trigger insists on it."""

TOLD = frozenset(
    {
        State.AWAITING_CUSTOMER,
        State.FAILED,
        State.CHARGED,
        State.TRANSFER_BLOCKED,
        State.SETTLED,
        State.REVERSAL_NEEDED,
        State.REFUNDED,
        State.WAIVED,
        State.CANCELLED,
    }
)
"""States that main-api hears of."""


_CLAWBACKS_GO_ON = frozenset(
    {
        State.READY,
        State.AWAITING_CUSTOMER,
        State.FAILED,
        State.CHARGED,
        State.TRANSFER_BLOCKED,
        State.SETTLED,
        State.CANCELLED,
    }
)
"""What Amazon took back while the fee was on its way can be given back from here."""


class IllegalMove(Exception):
    """A state machine bug: the database would refuse it too."""


async def move(
    session: AsyncSession,
    commission: Commission,
    to: State,
    *,
    next_step: NextStep = NextStep.NONE,
    failure_reason: str | None = None,
) -> None:
    """Change the state, set or clear the deadline, and tell main-api when it matters there."""
    of = State(commission.state)
    if not may_move(of, to):
        raise IllegalMove(f"{commission.id}: {of} -> {to}")
    commission.state = to.value
    commission.next_step = next_step.value
    commission.failure_reason = failure_reason
    commission.deadline_at = deadline(to)
    await session.flush()
    measure_move(session, commission, of=of, to=to)
    if to in TOLD:
        await tell(session, commission)
    if to in _CLAWBACKS_GO_ON and commission.taken_back_minor > commission.credited_minor:
        await stage_clawbacks(session, commission)


def deadline(state: State) -> datetime | None:
    """When the sweep looks at a row in this state; never at rest."""
    if state in RESTING:
        return None
    return datetime.now(UTC) + timedelta(seconds=STATE_DEADLINE_SECONDS)


async def tell(session: AsyncSession, commission: Commission) -> None:
    """Stage the event for main-api, with the version that the database gave this change."""
    await session.refresh(commission, ["version"])
    state, collection = State(commission.state), Collection(commission.collection)
    event = CommissionChanged(
        event_id=f"{commission.id}:{commission.version}",
        occurred_at=datetime.now(UTC),
        user_id=commission.user_id,
        transaction_id=commission.id,
        claim_id=commission.claim_id,
        recovery_id=commission.recovery_id,
        status=public_status(state, collection),
        settled=state in {State.SETTLED, State.REFUNDED, State.WAIVED, State.CANCELLED},
        next_step=NextStep(commission.next_step),
        platform_fee_cents=0 if state is State.WAIVED else commission.fee_minor,
        collected_cents=commission.collected_minor,
        transferred_cents=commission.transferred_minor,
        refunded_cents=commission.refunded_minor,
        currency=commission.currency,
        version=commission.version,
        payment_intent_id=commission.intent_id,
        failure_reason=commission.failure_reason,
    )
    await stage(
        session,
        PUBLISH_EVENT,
        event.model_dump(mode="json", by_alias=True),
        tenant=commission.user_id,
        dedupe_key=f"{PUBLISH_EVENT}:{event.event_id}",
    )


async def stage_clawbacks(session: AsyncSession, commission: Commission) -> None:
    """Have the open clawbacks of this commission performed; a repeat finds nothing to do."""
    await stage(
        session,
        PERFORM_CLAWBACKS,
        {"commissionId": commission.id},
        tenant=commission.user_id,
    )


async def stage_collect(session: AsyncSession, commission: Commission) -> None:
    """Have the commission taken one step on; one such job a version is enough."""
    await session.refresh(commission, ["version"])
    job = collect_job(commission.id, version=commission.version)
    await stage(session, COLLECT, job.payload, tenant=commission.user_id, dedupe_key=job.dedupe_key)


def collect_job(commission_id: str, *, version: int) -> NewJob:
    """The job that takes a commission of this version one step on."""
    return NewJob(
        COLLECT, {"commissionId": commission_id}, dedupe_key=f"{COLLECT}:{commission_id}:{version}"
    )
