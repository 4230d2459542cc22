"""Sellers' Connect accounts."""

from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from stripe_payments.base import Base


class ConnectAccount(Base):
    """A seller's account at Stripe and what it can do, as last fetched."""

    __tablename__ = "stripe_accounts"

    user_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str | None] = mapped_column(unique=True)
    """Null while the account is being made."""
    country: Mapped[str]
    charges_enabled: Mapped[bool] = mapped_column(server_default="false")
    payouts_enabled: Mapped[bool] = mapped_column(server_default="false")
    details_submitted: Mapped[bool] = mapped_column(server_default="false")
    transfers_active: Mapped[bool] = mapped_column(server_default="false")
    requirements_due: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
