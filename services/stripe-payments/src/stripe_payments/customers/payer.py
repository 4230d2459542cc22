"""Who pays a seller's fees, and with which card."""

from dataclasses import dataclass

from opside_chassis.database import Sessions, transaction
from stripe_payments.customers import queries


@dataclass(frozen=True, slots=True)
class Payer:
    """Stripe's ids; None where the seller has not got that far."""

    customer_id: str | None
    payment_method_id: str | None


async def payer_of(sessions: Sessions, user_id: str) -> Payer:
    """The seller's customer and default card."""
    async with transaction(sessions, tenant=user_id) as session:
        customer = await queries.of_user(session, user_id)
    if customer is None:
        return Payer(None, None)
    return Payer(customer.customer_id, customer.payment_method_id)
