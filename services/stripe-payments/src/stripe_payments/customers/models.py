"""Sellers as Stripe customers."""

from datetime import datetime

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from stripe_payments.base import Base


class Customer(Base):
    """A seller's Stripe customer and the card that fees are charged to, as Stripe's ids only."""

    __tablename__ = "stripe_customers"

    user_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str | None] = mapped_column(unique=True)
    """Null while the customer is being made."""
    payment_method_id: Mapped[str | None]
    setups: Mapped[int] = mapped_column(server_default="0")
    """How many card forms were opened; numbers their Stripe keys."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
