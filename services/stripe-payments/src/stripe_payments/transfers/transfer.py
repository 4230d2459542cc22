"""Send a seller his share of what was collected: reserve first, call Stripe second."""

from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import StagedJob, fence
from opside_contracts.payments.messages import NextStep
from stripe_payments.commissions.access import Commission, locked, read
from stripe_payments.commissions.move import move
from stripe_payments.commissions.rules import State
from stripe_payments.connected_accounts.destination import destination_of
from stripe_payments.ledger.book import book_transfer
from stripe_payments.stripe_api.errors import OutcomeUnknown, Refused
from stripe_payments.stripe_api.gateway import NewTransfer, SellerTransfer, Stripe

_STARTS = {State.CHARGED, State.TRANSFER_BLOCKED, State.TRANSFER_UNKNOWN}


async def transfer_share(sessions: Sessions, stripe: Stripe, job: StagedJob) -> None:
    """Safe to repeat: one key a commission, and an unknown outcome is looked up by its group first.

    Raises:
        OutcomeUnknown: Stripe did not answer; the job is tried again.
    """
    commission = await read(sessions, job)
    state = State(commission.state)
    if state not in _STARTS | {State.TRANSFERRING}:
        return
    if state in {State.TRANSFERRING, State.TRANSFER_UNKNOWN}:
        seen = await stripe.transfers_of(commission.id)
        if seen:
            await _settle(sessions, job, seen[0])
            return
    destination = await destination_of(sessions, commission.user_id)
    reserved = await _reserve(sessions, job)
    if reserved is None:
        return
    if destination is None:
        await _release(sessions, job, State.TRANSFER_BLOCKED)
        return
    await _send(sessions, stripe, job, reserved, destination)


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
        async with transaction(sessions, tenant=commission.user_id) as session:
            await fence(session, job)
            await move(session, await locked(session, commission.id), State.TRANSFER_UNKNOWN)
        raise
    except Refused:
        await _release(sessions, job, State.TRANSFER_BLOCKED)
        raise
    await _settle(sessions, job, made)


async def _reserve(sessions: Sessions, job: StagedJob) -> Commission | None:
    """Set aside what is left of the share; the database refuses more than was collected.

    Money that Amazon took back is not sent: its clawback comes first, and stages us again. A repeat
    keeps amount and key of the reservation; after a definite refusal both are made anew.
    """
    async with transaction(sessions, tenant=job.tenant or "") as session:
        await fence(session, job)
        stored = await locked(session, job.payload["commissionId"])
        if State(stored.state) is State.TRANSFERRING:
            return stored
        # What may have been sent is asked for again all the same: the clawback waits to know of it.
        clawback_first = stored.taken_back_minor > stored.credited_minor
        if State(stored.state) not in _STARTS or (clawback_first and not stored.reserved_minor):
            return None
        if stored.reserved_minor == 0:
            share_credited = stored.credited_minor - stored.fee_credited_minor
            stored.reserved_minor = stored.share_minor - share_credited
            stored.transfer_number += 1
        await move(session, stored, State.TRANSFERRING)
        return stored


async def _release(sessions: Sessions, job: StagedJob, to: State) -> None:
    async with transaction(sessions, tenant=job.tenant or "") as session:
        await fence(session, job)
        stored = await locked(session, job.payload["commissionId"])
        stored.reserved_minor = 0
        await move(session, stored, to, next_step=NextStep.FINISH_ONBOARDING)


async def _settle(sessions: Sessions, job: StagedJob, made: SellerTransfer) -> None:
    async with transaction(sessions, tenant=job.tenant or "") as session:
        await fence(session, job)
        stored = await locked(session, job.payload["commissionId"])
        if State(stored.state) is State.SETTLED:
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
