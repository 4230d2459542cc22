"""Where our book and Stripe's account differ."""

from datetime import datetime

from sqlalchemy import Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from stripe_payments.base import Base


class Break(Base):
    """One difference over one Stripe object, minor units; open until both agree or a person closes it."""

    __tablename__ = "breaks"
    __table_args__ = (
        Index(
            "uq_breaks_open",
            "reference",
            "currency",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str]
    """The Stripe object, or `balance` for the whole account."""
    currency: Mapped[str]
    cause: Mapped[str]
    ours_minor: Mapped[int]
    theirs_minor: Mapped[int]
    transaction_id: Mapped[str | None]
    first_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]
    closing_note: Mapped[str | None]


class EventCursor(Base):
    """How far Stripe's events of one account were read; in Stripe's own time."""

    __tablename__ = "event_cursors"

    account: Mapped[str] = mapped_column(primary_key=True)
    """Empty for the platform itself."""
    listed_until: Mapped[datetime]
    """When the newest event that was stored was made; before the first, when reading began."""
    polled_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
