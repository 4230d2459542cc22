"""Papers, the invoices among them, and what was done with those."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Date,
    ForeignKeyConstraint,
    UniqueConstraint,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from integrations_backend.base import Base


class Paper(Base):
    """A file as received, once for a user however often it came."""

    __tablename__ = "papers"
    __table_args__ = (UniqueConstraint("user_id", "sha256"), UniqueConstraint("user_id", "id"))

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    sha256: Mapped[str]
    size_bytes: Mapped[int]
    media: Mapped[str]
    """By content; what its sender called it counts for nothing."""
    filename: Mapped[str]
    kind: Mapped[str]
    shipments: Mapped[dict[str, Any]]
    """`ids`: shipments to Amazon that it names."""
    archived_as: Mapped[str]
    sender: Mapped[str]
    subject: Mapped[str]
    received_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class PaperSource(Base):
    """One part of one message that held the paper."""

    __tablename__ = "paper_sources"
    __table_args__ = (ForeignKeyConstraint(["user_id", "paper_id"], [Paper.user_id, Paper.id]),)

    user_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(primary_key=True)
    part_id: Mapped[str] = mapped_column(primary_key=True)
    paper_id: Mapped[str]


class SupplierInvoice(Base):
    """An invoice: what was read stays in `reading`, what holds now is in the columns."""

    __tablename__ = "supplier_invoices"
    __table_args__ = (
        UniqueConstraint("user_id", "id"),
        UniqueConstraint("user_id", "paper_id"),
        ForeignKeyConstraint(["user_id", "paper_id"], [Paper.user_id, Paper.id]),
        CheckConstraint(
            "status IN ('needs_typing', 'proposed', 'accepted', 'confirmed', 'rejected',"
            " 'duplicate', 'no_goods')",
            name="status",
        ),
        CheckConstraint("(status = 'duplicate') = (same_as IS NOT NULL)", name="same_as"),
        CheckConstraint(
            "status NOT IN ('accepted', 'confirmed') OR (supplier IS NOT NULL"
            " AND number IS NOT NULL AND dated IS NOT NULL AND currency IS NOT NULL)",
            name="booked",
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    paper_id: Mapped[str]
    status: Mapped[str]
    reason: Mapped[str]
    """Why it has this status, in words."""
    supplier: Mapped[str | None]
    number: Mapped[str | None]
    dated: Mapped[date | None] = mapped_column(Date)
    currency: Mapped[str | None]
    total_minor: Mapped[int | None]
    goods: Mapped[dict[str, Any]]
    """`lines`: sku, fnsku, asin, description, quantity, unitCostMinor."""
    reading: Mapped[dict[str, Any]]
    """As it was read (`PaperReading`); empty where it must be typed."""
    same_as: Mapped[str | None]
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class InvoiceChange(Base):
    """What a person did, and what stood there before; nobody can change it afterwards."""

    __tablename__ = "invoice_changes"
    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "invoice_id"], [SupplierInvoice.user_id, SupplierInvoice.id]
        ),
    )

    user_id: Mapped[str] = mapped_column(primary_key=True)
    invoice_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    action: Mapped[str]
    before: Mapped[dict[str, Any]]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
