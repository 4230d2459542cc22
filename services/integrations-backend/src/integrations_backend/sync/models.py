"""A sync and the reports it asked for."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from integrations_backend.base import Base


class SyncJob(Base):
    """One sync of one seller; `step` is where it goes on after a restart."""

    __tablename__ = "sync_jobs"
    __table_args__ = (
        UniqueConstraint("user_id", "id"),
        CheckConstraint("status IN ('running', 'done', 'failed', 'cancelled')", name="status"),
        Index(
            "uq_sync_jobs_running",
            "user_id",
            unique=True,
            postgresql_where=text("status = 'running'"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    marketplace_id: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="running")
    step: Mapped[str]
    total_cases: Mapped[int] = mapped_column(server_default="0")
    processed_cases: Mapped[int] = mapped_column(server_default="0")
    audit: Mapped[dict[str, Any]]
    started_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]


class SyncReport(Base):
    """One report of a sync. `state` ends as read, no_data, denied or failed: never as silence."""

    __tablename__ = "sync_reports"
    __table_args__ = (
        ForeignKeyConstraint(["user_id", "sync_id"], [SyncJob.user_id, SyncJob.id]),
        CheckConstraint(
            "state IN ('pending', 'requested', 'ready', 'read', 'no_data', 'denied', 'failed')",
            name="state",
        ),
        Index("ix_sync_reports_source", "user_id", "report_type", "sync_id"),
    )

    sync_id: Mapped[str] = mapped_column(primary_key=True)
    report_key: Mapped[str] = mapped_column(primary_key=True)
    """The type, and for reports that Amazon makes by itself their id too."""
    user_id: Mapped[str]
    report_type: Mapped[str]
    report_id: Mapped[str | None]
    document_id: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default="pending")
    rows: Mapped[int] = mapped_column(server_default="0")
    rejected: Mapped[int] = mapped_column(server_default="0")
    note: Mapped[str] = mapped_column(server_default="")
    failures: Mapped[int] = mapped_column(server_default="0")
    """How often its document could not be fetched or read."""
