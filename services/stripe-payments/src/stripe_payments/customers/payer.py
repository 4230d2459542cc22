"""Who pays a seller's fees, and with which card."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.database import Sessions, transaction
from stripe_payments.customers import queries
from stripe_payments.stripe_api.asking import with_next_key
from stripe_payments.stripe_api.gateway import Stripe


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


async def owner_of_customer(session: AsyncSession, customer_id: str) -> str | None:
    """Whose customer it is, in a transaction that sees every tenant."""
    found = await queries.by_customer_id(session, customer_id)
    return found.user_id if found else None


async def ensure_customer(sessions: Sessions, stripe: Stripe, *, user_id: str) -> str:
    """The seller's customer id at Stripe; made when there is none.

    Made from the user alone, so that a repeat asks the same: what callers know beside it is set later.

    Raises:
        OutcomeUnknown: Stripe did not answer; asking again is safe.
    """
    async with transaction(sessions, tenant=user_id) as session:
        customer_id = (await queries.ensure(session, user_id)).customer_id
    if customer_id is None:
        customer_id = await with_next_key(
            lambda number: stripe.create_customer(
                user_id=user_id, idempotency_key=f"u:{user_id}:cus:{number}"
            )
        )
        async with transaction(sessions, tenant=user_id) as session:
            await queries.keep_customer_id(session, user_id, customer_id)
    return customer_id
