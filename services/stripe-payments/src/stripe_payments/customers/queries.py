"""All SQL about customers."""

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from stripe_payments.customers.models import Customer


async def ensure(session: AsyncSession, user_id: str) -> Customer:
    """The seller's row, locked; made when there is none."""
    await session.execute(insert(Customer).values(user_id=user_id).on_conflict_do_nothing())
    query = select(Customer).where(Customer.user_id == user_id).with_for_update()
    return (await session.scalars(query)).one()


async def of_user(session: AsyncSession, user_id: str) -> Customer | None:
    """The seller's customer."""
    return await session.get(Customer, user_id)


async def by_customer_id(session: AsyncSession, customer_id: str) -> Customer | None:
    """The seller of a Stripe customer."""
    query = select(Customer).where(Customer.customer_id == customer_id)
    return (await session.scalars(query)).one_or_none()


async def keep_customer_id(session: AsyncSession, user_id: str, customer_id: str) -> None:
    """Remember the Stripe customer, once."""
    await session.execute(
        update(Customer)
        .where(Customer.user_id == user_id, Customer.customer_id.is_(None))
        .values(customer_id=customer_id)
    )


async def forget_card(session: AsyncSession, user_id: str, payment_method_id: str) -> None:
    """No default card any more, if it was this one."""
    await session.execute(
        update(Customer)
        .where(Customer.user_id == user_id, Customer.payment_method_id == payment_method_id)
        .values(payment_method_id=None)
    )
