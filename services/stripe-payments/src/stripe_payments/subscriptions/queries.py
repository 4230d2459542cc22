"""All SQL about subscriptions and invoices."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from stripe_payments.subscriptions.models import Invoice, Subscription

ENDED = ("refused", "incomplete_expired", "canceled")


async def live_of(session: AsyncSession, user_id: str, price_id: str) -> Subscription | None:
    """The user's subscription to a price that has not ended."""
    query = select(Subscription).where(
        Subscription.user_id == user_id,
        Subscription.price_id == price_id,
        Subscription.status.not_in(ENDED),
    )
    return (await session.scalars(query)).one_or_none()


async def insert_subscription(session: AsyncSession, values: dict[str, Any]) -> None:
    """Insert it unless the user has a live one to this price."""
    await session.execute(insert(Subscription).values(values).on_conflict_do_nothing())


async def by_id(session: AsyncSession, reference: str) -> Subscription | None:
    """By our id, locked."""
    query = select(Subscription).where(Subscription.id == reference).with_for_update()
    return (await session.scalars(query)).one_or_none()


async def by_stripe_id(session: AsyncSession, subscription_id: str) -> Subscription | None:
    """By Stripe's id, locked."""
    query = (
        select(Subscription)
        .where(Subscription.subscription_id == subscription_id)
        .with_for_update()
    )
    return (await session.scalars(query)).one_or_none()


async def of_user(session: AsyncSession, user_id: str) -> list[Subscription]:
    """All of a user, newest first."""
    query = select(Subscription).where(Subscription.user_id == user_id)
    return list(await session.scalars(query.order_by(Subscription.id.desc())))


async def invoice(session: AsyncSession, invoice_id: str) -> Invoice | None:
    """One invoice, locked."""
    query = select(Invoice).where(Invoice.id == invoice_id).with_for_update()
    return (await session.scalars(query)).one_or_none()


async def invoices_of(
    session: AsyncSession, user_id: str, *, before: str | None, limit: int
) -> list[Invoice]:
    """A user's invoices, newest first."""
    query = select(Invoice).where(Invoice.user_id == user_id)
    if before is not None:
        moment = select(Invoice.created_at).where(Invoice.id == before).scalar_subquery()
        query = query.where(Invoice.created_at < moment)
    return list(await session.scalars(query.order_by(Invoice.created_at.desc()).limit(limit)))
