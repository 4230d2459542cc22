"""Providers' tokens, as ciphertext only."""

from datetime import datetime

from sqlalchemy import CheckConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from integrations_backend.base import Base


class OAuthToken(Base):
    """The tokens of one user at one provider; sealed to (user, provider, field)."""

    __tablename__ = "oauth_tokens"
    __table_args__ = (
        CheckConstraint("provider IN ('amazon', 'gmail', 'stripe')", name="provider"),
        CheckConstraint("access_token LIKE 'v1.%' AND refresh_token LIKE 'v1.%'", name="sealed"),
    )

    user_id: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(primary_key=True)
    access_token: Mapped[str]
    refresh_token: Mapped[str]
    expires_at: Mapped[datetime]
    refreshing_until: Mapped[datetime | None]
    """Set while one worker asks for a fresh access token; the others wait for what it gets."""
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
