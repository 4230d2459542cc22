"""Book what Stripe kept of a charge, once its balance transaction exists."""

from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import RetryLater, StagedJob, fence
from stripe_payments.ledger.book import book_processor_fee
from stripe_payments.stripe_api.gateway import Stripe

NOT_BOOKED_WAIT_SECONDS = 2
"""Stripe writes the balance transaction a moment after the charge (capture_method automatic_async)."""


async def book_fee(sessions: Sessions, stripe: Stripe, job: StagedJob) -> None:
    """Safe to repeat: one journal a charge.

    Raises:
        RetryLater: Stripe has not booked the charge yet.
    """
    charge = await stripe.charge(job.payload["chargeId"])
    if charge.fee_minor is None:
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
