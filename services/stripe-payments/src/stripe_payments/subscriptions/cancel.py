"""Cancel at the end of the paid period."""

from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import NotFound
from stripe_payments.stripe_api.gateway import Stripe
from stripe_payments.subscriptions import queries
from stripe_payments.subscriptions.keep import copy_subscription
from stripe_payments.subscriptions.models import Subscription


async def cancel_subscription(
    sessions: Sessions, stripe: Stripe, *, tenant: str, subscription_id: str
) -> Subscription:
    """It runs to the end of what was paid; asking again changes nothing. Takes our id or Stripe's.

    Raises:
        NotFound: it is not the caller's, or was never started.
        OutcomeUnknown: Stripe did not answer; asking again is safe.
        Refused: Stripe said no for good, for one that has ended.
    """
    async with transaction(sessions, tenant=tenant) as session:
        row = await queries.by_stripe_id(session, subscription_id)
        row = row or await queries.by_id(session, subscription_id)
    if row is None or row.subscription_id is None:
        raise NotFound("there is no such subscription")
    changed = await stripe.cancel_at_period_end(row.subscription_id)
    async with transaction(sessions, tenant=tenant) as session:
        stored = await queries.by_id(session, row.id)
        if stored is None:
            raise NotFound("there is no such subscription")
        copy_subscription(stored, changed)
        await session.flush()
        await session.refresh(stored)
    return stored
