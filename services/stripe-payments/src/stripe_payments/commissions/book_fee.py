"""Book what Stripe kept of a charge, once its balance transaction exists."""

from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import RetryLater, StagedJob, fence
from stripe_payments.ledger.book import book_processor_fee
from stripe_payments.stripe_api.gateway import Stripe

NOT_BOOKED_WAIT_SECONDS = 2
"""Stripe writes the balance transaction a moment after the charge (capture_method automatic_async)."""
MOST_WAITS = 60
"""Hand-outs, two a run: about a minute of waiting as if it were nothing."""


class NotBooked(Exception):
    """Stripe shows no balance transaction of a charge."""


async def book_fee(sessions: Sessions, stripe: Stripe, job: StagedJob) -> None:
    """Safe to repeat: one journal a charge.

    Raises:
        RetryLater: Stripe has not booked the charge yet.
        NotBooked: it still has not after minutes; tried again ever more slowly, then parked.
    """
    charge = await stripe.charge(job.payload["chargeId"])
    if charge.fee_minor is None:
        if job.attempt > MOST_WAITS:
            raise NotBooked(charge.id)
        raise RetryLater(NOT_BOOKED_WAIT_SECONDS, "Stripe has not booked the charge yet")
    async with transaction(sessions, tenant=job.tenant or "") as session:
        await fence(session, job)
        await book_processor_fee(
            session,
            commission_id=job.payload["commissionId"],
            charge_id=charge.id,
            currency=charge.currency,
            fee_minor=charge.fee_minor,
        )
