"""Subscriptions and invoices: Stripe is their source, these rows follow it."""

from datetime import datetime

from sqlalchemy import Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from stripe_payments.base import Base


class Subscription(Base):
    """One subscription of a user; what it was started with is frozen, so that a repeat asks the same."""

    __tablename__ = "stripe_subscriptions"
    __table_args__ = (
        Index(
            "uq_stripe_subscriptions_live",
            "user_id",
            "price_id",
            unique=True,
            postgresql_where=text("status NOT IN ('refused', 'incomplete_expired', 'canceled')"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(index=True)
    customer_id: Mapped[str]
    price_id: Mapped[str]
    payment_method_id: Mapped[str | None]
    subscription_id: Mapped[str | None] = mapped_column(unique=True)
    """Stripe's id; null while it is being started."""
    status: Mapped[str]
    """Stripe's word, or `starting`, or `refused`."""
    current_period_start: Mapped[datetime | None]
    current_period_end: Mapped[datetime | None]
    trial_end: Mapped[datetime | None]
    cancel_at_period_end: Mapped[bool] = mapped_column(server_default="false")
    canceled_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Invoice(Base):
    """One invoice of a user; amounts are minor units of `currency`."""

    __tablename__ = "stripe_invoices"

    id: Mapped[str] = mapped_column(primary_key=True)
    """Stripe's id."""
    user_id: Mapped[str] = mapped_column(index=True)
    customer_id: Mapped[str]
    subscription_id: Mapped[str | None]
    number: Mapped[str | None]
    status: Mapped[str]
    billing_reason: Mapped[str | None]
    currency: Mapped[str]
    total_minor: Mapped[int]
    amount_due_minor: Mapped[int]
    amount_paid_minor: Mapped[int]
    attempt_count: Mapped[int] = mapped_column(server_default="0")
    next_attempt_at: Mapped[datetime | None]
    """When Stripe tries again; null when it does not."""
    failure_reason: Mapped[str | None]
    hosted_url: Mapped[str | None]
    payment_intent_id: Mapped[str | None]
    period_start: Mapped[datetime | None]
    period_end: Mapped[datetime | None]
    finalized_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
