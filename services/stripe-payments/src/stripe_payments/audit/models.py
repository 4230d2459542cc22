"""The audit trail (written by trigger) and cases for people."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from stripe_payments.base import Base


class AuditEntry(Base):
    """One change of one commission; `hash` covers the entry and the one before it."""

    __tablename__ = "transaction_audit"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    object_id: Mapped[str] = mapped_column(index=True)
    user_id: Mapped[str]
    version: Mapped[int]
    from_state: Mapped[str | None]
    to_state: Mapped[str]
    figures: Mapped[dict[str, Any]]
    actor: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    previous_hash: Mapped[str]
    hash: Mapped[str]


class HumanCase(Base):
    """Something a person must look at. Opening one is a legal outcome; silence is not."""

    __tablename__ = "cases"
    __table_args__ = (
        Index("ix_cases_open", "reference", "kind", postgresql_where=text("closed_at IS NULL")),
        Index("ix_cases_open_since", "opened_at", postgresql_where=text("closed_at IS NULL")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    reference: Mapped[str]
    reason: Mapped[str]
    opened_at: Mapped[datetime] = mapped_column(server_default=func.now())
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]
    """The person who resolved it; null when what it asked for was done, or came to nothing."""
    closing_note: Mapped[str | None]
