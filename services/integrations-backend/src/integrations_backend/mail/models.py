"""How far each mailbox was looked through, and the messages still to be read."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from integrations_backend.base import Base


class MailboxState(Base):
    """A user's mailbox. Without `history_id` it is listed from the beginning."""

    __tablename__ = "mailboxes"

    user_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    history_id: Mapped[str | None]
    """Everything up to here was found."""
    listing_from: Mapped[str | None]
    """Where history stood when the listing began: it becomes `history_id` at its end."""
    page: Mapped[str | None]
    """The next page of that listing."""
    looking_since: Mapped[datetime | None]
    """Set while a job is at it, so that the schedule starts no second one."""
    spent_units: Mapped[int] = mapped_column(server_default="0")
    """Of Gmail's quota, since then."""
    refusals: Mapped[int] = mapped_column(server_default="0")
    """Of Gmail in a row, for its quota."""
    looked_at: Mapped[datetime | None]
    problem: Mapped[str | None]
    """Google's last word against it, for its owner."""


class FoundMail(Base):
    """A message that the search found: stored before it is read, so that a restart goes on."""

    __tablename__ = "found_mails"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'read', 'gone', 'failed')", name="state"),
        Index(
            "ix_found_mails_waiting",
            "user_id",
            "account_id",
            postgresql_where=text("state = 'waiting'"),
        ),
    )

    user_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(primary_key=True)
    tries: Mapped[int] = mapped_column(server_default="0")
    state: Mapped[str] = mapped_column(server_default="waiting")
    note: Mapped[str | None]
