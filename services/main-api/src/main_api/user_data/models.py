"""Ordered copies of a user's data, and ordered erasures."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from main_api.base import Base


class ExportStatus(StrEnum):
    """Where a copy stands."""

    COLLECTING = "collecting"
    READY = "ready"
    FAILED = "failed"
    """Not done within two days; order another one."""
    DELETED = "deleted"
    """It was ready and its time is over."""


class ErasureState(StrEnum):
    """Where an erasure stands; once it runs, nothing brings the account back."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class AccountExport(Base):
    """A copy of everything about a user, as one ZIP file in the archive."""

    __tablename__ = "account_exports"
    __table_args__ = (
        Index(
            "uq_account_exports_collecting",
            "user_id",
            unique=True,
            postgresql_where=text("status = 'collecting'"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    status: Mapped[str]
    ordered_at: Mapped[datetime]
    ready_at: Mapped[datetime | None]
    delete_at: Mapped[datetime | None]
    size_bytes: Mapped[int | None]
    sha256: Mapped[str | None]
    """Of the ZIP file; null, as all of these, until it is ready."""


class AccountErasure(Base):
    """An order to erase a user. The row stays: it is the proof that the order was carried out."""

    __tablename__ = "account_erasures"
    __table_args__ = (
        Index(
            "uq_account_erasures_open",
            "user_id",
            unique=True,
            postgresql_where=text("state IN ('waiting', 'running')"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    state: Mapped[str]
    ordered_by: Mapped[str]
    """`user` or `operator`."""
    ordered_at: Mapped[datetime]
    starts_at: Mapped[datetime]
    """Until then the user can change his mind."""
    told_at: Mapped[datetime | None]
    """When the letter about the order went out."""
    held_because: Mapped[str | None]
    """Why it has not gone on, in words for the user."""
    begun_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]
    """When everything was erased for the first time; a second look follows."""
    ended_at: Mapped[datetime | None]
