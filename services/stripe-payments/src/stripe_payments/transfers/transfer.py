"""Send a seller his share of what was collected: reserve first, call Stripe second."""

from dataclasses import dataclass

from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import StagedJob, fence
from opside_contracts.payments.messages import NextStep
from stripe_payments.audit.cases import DISPUTE, case_is_open
from stripe_payments.commissions.access import Commission, locked, read
from stripe_payments.commissions.move import move
from stripe_payments.commissions.rules import State
from stripe_payments.connected_accounts.destination import destination_of
from stripe_payments.ledger.book import book_transfer
from stripe_payments.stripe_api.errors import OutcomeUnknown, Refused
from stripe_payments.stripe_api.gateway import NewTransfer, SellerTransfer, Stripe

_STARTS = {State.CHARGED, State.TRANSFER_BLOCKED, State.TRANSFER_UNKNOWN}
_OPEN = _STARTS | {State.TRANSFERRING}


async def transfer_share(sessions: Sessions, stripe: Stripe, job: StagedJob) -> None:
    """Safe to repeat: one key a reservation, and what Stripe has already is looked up first.

    Raises:
        OutcomeUnknown: Stripe did not answer; the job is tried again.
    """
    commission = await read(sessions, job)
    if State(commission.state) not in _OPEN:
        return
    seen = await stripe.transfers_of(commission.id)
    if seen:
        await _settle(sessions, job, seen[0])
        return
    destination = await destination_of(sessions, commission.user_id)
    reserved = await _reserve(sessions, job)
    if reserved is None:
        return
    if destination is not None:
        await _send(sessions, stripe, job, reserved.commission, destination)
    elif reserved.fresh:
        await _release(sessions, job)
    else:
        # Another run's call may be on its way: what it reserved, and its key, stay.
        await _unknown(sessions, job)


async def _send(
    sessions: Sessions, stripe: Stripe, job: StagedJob, commission: Commission, destination: str
) -> None:
    new = NewTransfer(
        commission_id=commission.id,
        amount_minor=commission.reserved_minor,
        currency=commission.currency,
        destination=destination,
        charge_id=commission.charge_id or "",
    )
    key = f"t:{commission.id}:{commission.transfer_number}"
    try:
        made = await stripe.create_transfer(new, idempotency_key=key)
    except OutcomeUnknown:
        await _unknown(sessions, job)
        raise
    except Refused:
        await _release(sessions, job)
        raise
    await _settle(sessions, job, made)


@dataclass(frozen=True, slots=True)
class _Reserved:
    """A share set aside; `fresh` when this run did it."""

    commission: Commission
    fresh: bool


async def _reserve(sessions: Sessions, job: StagedJob) -> _Reserved | None:
    """Set aside what is left of the share; the database refuses more than was collected.

    Money that Amazon took back is not sent: its clawback comes first, and stages us again. Nor is
    money that the payer disputes. A repeat keeps amount and key of the reservation; after a definite
    refusal both are made anew.
    """
    async with transaction(sessions, tenant=job.tenant or "") as session:
        await fence(session, job)
        stored = await locked(session, job.payload["commissionId"])
        if State(stored.state) is State.TRANSFERRING:
            return _Reserved(stored, fresh=False)
        # What may have been sent is asked for again all the same: the clawback waits to know of it.
        clawback_first = stored.taken_back_minor > stored.credited_minor
        if State(stored.state) not in _STARTS or (clawback_first and not stored.reserved_minor):
            return None
        fresh = stored.reserved_minor == 0
        if fresh and await case_is_open(session, kind=DISPUTE, reference=stored.id):
            return None
        if fresh:
            share_credited = stored.credited_minor - stored.fee_credited_minor
            stored.reserved_minor = stored.share_minor - share_credited
            stored.transfer_number += 1
        await move(session, stored, State.TRANSFERRING)
        return _Reserved(stored, fresh=fresh)


async def _release(sessions: Sessions, job: StagedJob) -> None:
    async with transaction(sessions, tenant=job.tenant or "") as session:
        await fence(session, job)
        stored = await locked(session, job.payload["commissionId"])
        if State(stored.state) is State.TRANSFERRING:
            stored.reserved_minor = 0
            await move(
                session, stored, State.TRANSFER_BLOCKED, next_step=NextStep.FINISH_ONBOARDING
            )


async def _unknown(sessions: Sessions, job: StagedJob) -> None:
    async with transaction(sessions, tenant=job.tenant or "") as session:
        await fence(session, job)
        stored = await locked(session, job.payload["commissionId"])
        if State(stored.state) is State.TRANSFERRING:
            await move(session, stored, State.TRANSFER_UNKNOWN)


async def _settle(sessions: Sessions, job: StagedJob, made: SellerTransfer) -> None:
    async with transaction(sessions, tenant=job.tenant or "") as session:
        await fence(session, job)
        stored = await locked(session, job.payload["commissionId"])
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
