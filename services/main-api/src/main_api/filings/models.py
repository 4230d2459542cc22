"""Filings, their legal moves and their audit, the evidence of their packets, and calendar feeds."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKeyConstraint, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from main_api.base import Base


class Filing(Base):
    """A case on its way through Amazon's desk. `facts` are those of the case when it was drafted.

    Every change grows `version`, names who made it, and is audited by a trigger.
    """

    __tablename__ = "filings"
    __table_args__ = (
        UniqueConstraint("user_id", "case_id"),
        UniqueConstraint("user_id", "id"),
        UniqueConstraint("user_id", "amazon_case_id"),
        Index(None, "deadline", postgresql_where=text("state IN ('drafted', 'ready')")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    case_id: Mapped[str]
    claim_id: Mapped[str]
    claim_type: Mapped[str]
    state: Mapped[str]
    version: Mapped[int] = mapped_column(server_default="1")
    quantity: Mapped[int]
    value_minor: Mapped[int | None]
    """Null while only a cost document can tell it (ruling R16)."""
    currency: Mapped[str]
    deadline: Mapped[date] = mapped_column(Date)
    facts: Mapped[dict[str, Any]]
    own_text: Mapped[str | None]
    """The claim in the seller's words; null: in ours."""
    amazon_case_id: Mapped[str | None]
    filed_at: Mapped[datetime | None]
    told_at: Mapped[datetime | None]
    """When integrations-backend learned that it was filed."""
    told_problem: Mapped[str | None]
    paid_minor: Mapped[int] = mapped_column(server_default="0")
    """What Amazon paid less what it took back, minor units of `paid_currency`."""
    paid_currency: Mapped[str | None]
    paid_units: Mapped[int] = mapped_column(server_default="0")
    reason: Mapped[str | None]
    """Of the last answer, denial or appeal, as a person wrote it."""
    changed_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class FilingTransition(Base):
    """The legal moves, for the trigger; `rules.TRANSITIONS` holds the same."""

    __tablename__ = "filing_transitions"

    from_state: Mapped[str] = mapped_column(primary_key=True)
    to_state: Mapped[str] = mapped_column(primary_key=True)


class FilingAudit(Base):
    """One change of a filing; written by a trigger, never changed."""

    __tablename__ = "filing_audit"
    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "filing_id"], [Filing.user_id, Filing.id], ondelete="CASCADE"
        ),
    )

    filing_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    from_state: Mapped[str | None]
    to_state: Mapped[str]
    changed_by: Mapped[str]
    changes: Mapped[dict[str, Any]]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class FilingEvidence(Base):
    """A document of a packet that is ready or filed; while it is here it cannot be deleted."""

    __tablename__ = "filing_evidence"
    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "filing_id"], [Filing.user_id, Filing.id], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["user_id", "document_id"],
            ["main_api.evidence_documents.user_id", "main_api.evidence_documents.id"],
        ),
    )

    user_id: Mapped[str]
    filing_id: Mapped[str] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(primary_key=True, index=True)


class CalendarFeed(Base):
    """The secret address of a seller's deadlines; deleting the row revokes it."""

    __tablename__ = "calendar_feeds"

    user_id: Mapped[str] = mapped_column(primary_key=True)
    secret_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
