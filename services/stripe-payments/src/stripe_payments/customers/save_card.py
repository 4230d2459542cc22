"""A card form was completed: remember the card, and go on with fees that waited for one."""

from sqlalchemy.ext.asyncio import AsyncSession

from stripe_payments.customers import queries
from stripe_payments.stripe_api.gateway import CardSetup


async def save_card(session: AsyncSession, setup: CardSetup) -> str | None:
    """The seller whose default card this is now; None for a customer that is not ours.

    The caller's transaction sees every tenant: Stripe's customer id says whose card it is.
    """
    if setup.status != "succeeded" or not setup.customer_id or not setup.payment_method_id:
        return None
    customer = await queries.by_customer_id(session, setup.customer_id)
    if customer is None:
        return None
    customer.payment_method_id = setup.payment_method_id
    return customer.user_id
