"""Documents that were read, rows that could not be, and uploads."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Identity, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from integrations_backend.base import Base


class ReportDocument(Base):
    """One report file in the archive. `id` grows, so later files win where rows may change."""

    __tablename__ = "report_documents"
    __table_args__ = (UniqueConstraint("user_id", "document_key"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    user_id: Mapped[str]
    sync_id: Mapped[str]
    report_type: Mapped[str]
    marketplace_id: Mapped[str]
    document_key: Mapped[str]
    """The document's id at Amazon, or the hash of an uploaded file."""
    archived_as: Mapped[str | None]
    rows: Mapped[int] = mapped_column(server_default="0")
    rejected: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class RejectedReportRow(Base):
    """A row kept aside: where it stands and why it was not understood."""

    __tablename__ = "rejected_report_rows"

    document_id: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    reason: Mapped[str]


class ReportUpload(Base):
    """Files that a seller handed over himself, with what was found in them."""

    __tablename__ = "report_uploads"
    __table_args__ = (
        CheckConstraint("status IN ('detecting', 'done', 'failed')", name="status"),
        CheckConstraint(
            "(status = 'done') = (claims IS NOT NULL AND losses IS NOT NULL)", name="found"
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(index=True)
    marketplace_id: Mapped[str]
    status: Mapped[str]
    files: Mapped[dict[str, Any]]
    claims: Mapped[int | None]
    losses: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
