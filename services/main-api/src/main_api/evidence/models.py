"""Evidence documents, what they say, how many units they prove, and which cases they answer."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Identity, Index, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from main_api.base import Base


def _of_document() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["user_id", "document_id"],
        ["main_api.evidence_documents.user_id", "main_api.evidence_documents.id"],
        ondelete="CASCADE",
    )


class EvidenceDocument(Base):
    """A file a seller handed over. The archive has it under `sha256`; a content is kept once a seller."""

    __tablename__ = "evidence_documents"
    __table_args__ = (UniqueConstraint("user_id", "sha256"), UniqueConstraint("user_id", "id"))

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    sha256: Mapped[str]
    size_bytes: Mapped[int]
    media_type: Mapped[str]
    file_name: Mapped[str]
    """As the seller called it; shown to him, never used as a path."""
    kind: Mapped[str]
    reading: Mapped[str]
    reading_note: Mapped[str | None]
    uploaded_at: Mapped[datetime] = mapped_column(server_default=func.now())


class EvidenceField(Base):
    """One thing a document says. Line 0 is the document, lines from 1 are those of an invoice."""

    __tablename__ = "evidence_fields"
    __table_args__ = (_of_document(),)

    document_id: Mapped[str] = mapped_column(primary_key=True)
    line_no: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    value: Mapped[str | None]
    """Null: a person took it away, and no later reading brings it back."""
    confidence_bp: Mapped[int]
    page: Mapped[int | None]
    place: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """Where on the page, as the parser tells it."""
    source: Mapped[str]
    changed_by: Mapped[str | None]
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())


class EvidenceFieldChange(Base):
    """What a person changed; written by a trigger, never changed or taken away."""

    __tablename__ = "evidence_field_changes"
    __table_args__ = (_of_document(),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    user_id: Mapped[str]
    document_id: Mapped[str] = mapped_column(index=True)
    line_no: Mapped[int]
    name: Mapped[str]
    old_value: Mapped[str | None]
    new_value: Mapped[str | None]
    changed_by: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())


class EvidenceLine(Base):
    """The units of a line. `used_units` is kept by a trigger over the accepted matches: each counts once."""

    __tablename__ = "evidence_lines"
    __table_args__ = (_of_document(),)

    document_id: Mapped[str] = mapped_column(primary_key=True)
    line_no: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    units: Mapped[int]
    used_units: Mapped[int] = mapped_column(server_default="0")


class EvidenceMatch(Base):
    """A document, or so many units of one of its lines, answers a case; with the reasons in words."""

    __tablename__ = "evidence_matches"
    __table_args__ = (
        _of_document(),
        UniqueConstraint("user_id", "document_id", "line_no", "case_id"),
        Index(None, "user_id", "case_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    document_id: Mapped[str]
    line_no: Mapped[int]
    case_id: Mapped[str]
    units: Mapped[int]
    status: Mapped[str]
    confidence_bp: Mapped[int]
    reasons: Mapped[list[Any]] = mapped_column(JSONB)
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
