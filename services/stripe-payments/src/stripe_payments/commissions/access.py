"""Commissions for the domains above: read one, lock one, find those that wait."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import StagedJob, stage
from stripe_payments.audit.cases import open_case_once
from stripe_payments.commissions import queries
from stripe_payments.commissions.models import Commission
from stripe_payments.commissions.move import COLLECT, TRANSFER, stage_clawbacks
from stripe_payments.commissions.rules import RESTING, State
from stripe_payments.commissions.settle import settle_intent
from stripe_payments.stripe_api.gateway import Intent

__all__ = [
    "Commission",
    "find_locked",
    "locked",
    "nudge",
    "nudge_overdue",
    "nudge_transfer",
    "of_stripe_object",
    "peek",
    "read",
    "resume_collecting",
    "resume_transfers",
    "settle_by_intent",
    "totals_by_state",
]

MOST_OVERDUE = 200
STANDS_STILL_AFTER = timedelta(days=2)


async def read(sessions: Sessions, job: StagedJob) -> Commission:
    """The commission that a job is about."""
    async with transaction(sessions, tenant=job.tenant or "") as session:
        found = await queries.by_id(session, job.payload["commissionId"])
    if found is None:
        raise LookupError(f"no commission {job.payload['commissionId']}")
    return found


async def locked(session: AsyncSession, commission_id: str) -> Commission:
    """The commission, locked until the transaction ends."""
    return await queries.lock(session, commission_id)


async def find_locked(session: AsyncSession, commission_id: str) -> Commission | None:
    """The commission, locked; None when there is none."""
    return await queries.lock_if_there(session, commission_id)


async def settle_by_intent(session: AsyncSession, intent: Intent) -> bool:
    """Take over a fetched intent; False when it belongs to no commission of ours.

    The caller's transaction sees every tenant: the intent says whose commission it is.
    """
    found = await queries.by_intent(session, intent.id)
    if found is None:
        return False
    await settle_intent(session, await queries.lock(session, found.id), intent)
    return True


async def resume_collecting(session: AsyncSession, user_id: str) -> None:
    """A card was saved: go on with fees that waited for one or failed with the old one."""
    waiting = [State.AWAITING_CUSTOMER.value, State.FAILED.value]
    for commission in await queries.in_state(session, user_id=user_id, states=waiting):
        # Not the version alone: a second card saved before the next change must count as well.
        await stage(session, COLLECT, {"commissionId": commission.id}, tenant=user_id)


async def resume_transfers(session: AsyncSession, user_id: str) -> None:
    """The seller's account became able to receive: send what waited for it."""
    blocked = [State.TRANSFER_BLOCKED.value]
    for commission in await queries.in_state(session, user_id=user_id, states=blocked):
        await stage(session, TRANSFER, {"commissionId": commission.id}, tenant=user_id)


async def id_of_intent(session: AsyncSession, intent_id: str) -> str | None:
    """The commission whose intent this is."""
    found = await queries.by_intent(session, intent_id)
    return found.id if found else None


async def nudge_transfer(session: AsyncSession, commission_id: str) -> bool:
    """Something happened to a transfer of this commission; False when it is not ours."""
    found = await queries.by_id(session, commission_id)
    if found is None:
        return False
    if State(found.state) in _TRANSFER_STATES:
        await stage(session, TRANSFER, {"commissionId": found.id}, tenant=found.user_id)
    if State(found.state) is State.REVERSAL_NEEDED:
        # It may be the reversal that nobody answered for.
        await stage_clawbacks(session, found)
    return True


async def peek(session: AsyncSession, commission_id: str) -> Commission | None:
    """The commission without a lock; None when there is none."""
    return await queries.by_id(session, commission_id)


async def of_stripe_object(session: AsyncSession, reference: str) -> str | None:
    """The commission whose intent, charge or transfer this is."""
    return await queries.id_of_object(session, reference)


async def totals_by_state(session: AsyncSession) -> Sequence[Any]:
    """Number and sums of commissions by currency, collection and state."""
    return await queries.count_by_state(session)


async def nudge(session: AsyncSession, commission: Commission) -> bool:
    """Stage the next step of a commission; False when it rests and nothing is open."""
    open_clawback = commission.taken_back_minor > commission.credited_minor
    if State(commission.state) in RESTING and not open_clawback:
        return False
    await _stage_next(session, commission)
    return True


async def nudge_overdue(session: AsyncSession) -> int:
    """Stage the next step of every row that should have come to rest; answers how many."""
    rows: Sequence[Commission] = await queries.overdue(session, limit=MOST_OVERDUE)
    for commission in rows:
        await _stage_next(session, commission)
        await queries.postpone(session, commission.id)
        await _tell_of_a_row_that_stands(session, commission)
    return len(rows)


async def _tell_of_a_row_that_stands(session: AsyncSession, commission: Commission) -> None:
    """Silence is no outcome: what is not at rest after days is shown to a person, once."""
    old = datetime.now(UTC) - commission.created_at > STANDS_STILL_AFTER
    if old and State(commission.state) is not State.REVERSAL_NEEDED:
        await open_case_once(
            session,
            kind="stands_still",
            reference=commission.id,
            reason=f"{commission.state} since long, and the sweep does not bring it to rest",
        )


async def _stage_next(session: AsyncSession, commission: Commission) -> None:
    if commission.taken_back_minor > commission.credited_minor:
        await stage_clawbacks(session, commission)
    # No dedupe keys: the job of this very step may have been parked.
    payload, tenant = {"commissionId": commission.id}, commission.user_id
    match State(commission.state):
        case State.REVERSAL_NEEDED:
            await stage_clawbacks(session, commission)
        case State.CHARGED | State.TRANSFERRING | State.TRANSFER_UNKNOWN | State.TRANSFER_BLOCKED:
            await stage(session, TRANSFER, payload, tenant=tenant)
        case state if state not in RESTING:
            await stage(session, COLLECT, payload, tenant=tenant)
        case _:
            # At rest: a card, a person or a day of dunning goes on with it, never a sweep.
            pass


_TRANSFER_STATES = {
    State.CHARGED,
    State.TRANSFERRING,
    State.TRANSFER_UNKNOWN,
    State.TRANSFER_BLOCKED,
}
