"""Notices, and which of them a seller wants by e-mail."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from main_api.base import Base


class Notification(Base):
    """One thing that a seller is told, once. `key` names the thing."""

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint("user_id", "key"),
        Index("ix_notifications_feed", "user_id", "id"),
        Index(
            "ix_notifications_unsent",
            "user_id",
            postgresql_where=text("by_email AND emailed_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    kind: Mapped[str]
    key: Mapped[str]
    title: Mapped[str]
    body: Mapped[str]
    link: Mapped[str]
    """Path in the app where the seller sees it or can act."""
    by_email: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    read_at: Mapped[datetime | None]
    emailed_at: Mapped[datetime | None]


class NotificationPreference(Base):
    """A seller's own choice for one kind; without one, `rules.BY_EMAIL` holds."""

    __tablename__ = "notification_preferences"

    user_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    by_email: Mapped[bool]
