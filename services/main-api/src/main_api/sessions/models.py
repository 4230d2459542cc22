"""Sign-in attempts, browser sessions, and their refresh tokens (only hashes are stored)."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from main_api.base import Base


class SignInAttempt(Base):
    """One click on "Login with Amazon": taken out once, by the callback."""

    __tablename__ = "sign_in_attempts"

    state_hash: Mapped[str] = mapped_column(primary_key=True)
    browser_hash: Mapped[str]
    """Of a cookie that only the browser which started has."""
    code_verifier: Mapped[str]
    expires_at: Mapped[datetime]
    appstore: Mapped[dict[str, Any] | None]
    """What Amazon's Appstore gave the browser, where the sign-in began there."""


class BrowserSession(Base):
    """A signed-in browser."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    csrf_token: Mapped[str]
    user_agent: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class RefreshToken(Base):
    """One link of a session's chain of refresh tokens; used once."""

    __tablename__ = "refresh_tokens"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey(BrowserSession.id, ondelete="CASCADE"))
    user_id: Mapped[str]
    used_at: Mapped[datetime | None]
