"""The Stripe account made for a seller, or why none could be made."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from integrations_backend.base import Base


class StripeAccount(Base):
    """The seller's Stripe account, as stripe-payments answered it; one a user."""

    __tablename__ = "stripe_accounts"

    user_id: Mapped[str] = mapped_column(primary_key=True)
    stripe_account_id: Mapped[str] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Reason(StrEnum):
    """Why an onboarding was given up."""

    UNAVAILABLE = "unavailable"
    """Payments or Stripe was away: a new job follows."""
    REFUSED = "refused"
    """They would refuse it again; only another consent of the seller begins it anew."""


class GivenUpOnboarding(Base):
    """A job that had all its tries. The row goes when the next job is staged, or an account is there."""

    __tablename__ = "given_up_onboardings"
    __table_args__ = (
        Index(
            "ix_given_up_onboardings_due",
            "given_up_at",
            postgresql_where=text("reason = 'unavailable'"),
        ),
    )

    user_id: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    code: Mapped[str]
    """Of the last error."""
    given_up_at: Mapped[datetime]
