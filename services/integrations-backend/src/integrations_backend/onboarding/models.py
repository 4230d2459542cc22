"""The Stripe account made for a seller."""

from datetime import datetime

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from integrations_backend.base import Base


class StripeAccount(Base):
    """The seller's Stripe account, as stripe-payments answered it; one a user."""

    __tablename__ = "stripe_accounts"

    user_id: Mapped[str] = mapped_column(primary_key=True)
    stripe_account_id: Mapped[str] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
