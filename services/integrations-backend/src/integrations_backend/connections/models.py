"""Connections and consent attempts."""

from datetime import datetime

from sqlalchemy import CheckConstraint, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from integrations_backend.base import Base


class SellerConnection(Base):
    """A user's account at a provider; one account belongs to one user."""

    __tablename__ = "connections"
    __table_args__ = (
        UniqueConstraint("provider", "account_id"),
        CheckConstraint("status IN ('not_connected', 'connected', 'reconnect')", name="status"),
        CheckConstraint("provider <> 'amazon' OR marketplace_id IS NOT NULL", name="store"),
    )

    user_id: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str | None]
    status: Mapped[str]
    marketplace_id: Mapped[str | None]
    """The store of a selling account; other providers have none."""
    changes: Mapped[int] = mapped_column(server_default="0")
    """Counts changes: names the events about them."""
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ConsentAttempt(Base):
    """One visit to a provider's consent page; taken out once, by the return."""

    __tablename__ = "consent_attempts"

    state_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    provider: Mapped[str]
    browser_binding: Mapped[str]
    expires_at: Mapped[datetime]
