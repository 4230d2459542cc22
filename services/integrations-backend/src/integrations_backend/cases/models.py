"""The case ledger, the cost book, and reimbursements allocated to cases."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKeyConstraint, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from integrations_backend.base import Base


class AmazonClaim(Base):
    """A claim and its explanation; `claim_key` names the economic loss, so a rerun finds it again.

    `settled_as` is null while it may be claimed; after that detection's reason why it may not.
    """

    __tablename__ = "amazon_claims"
    __table_args__ = (UniqueConstraint("user_id", "claim_key"), UniqueConstraint("user_id", "id"))

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    claim_key: Mapped[str]
    marketplace_id: Mapped[str]
    claim_type: Mapped[str]
    fnsku: Mapped[str]
    sku: Mapped[str]
    order_id: Mapped[str]
    reference_id: Mapped[str]
    quantity: Mapped[int]
    event_date: Mapped[date] = mapped_column(Date)
    opens_on: Mapped[date] = mapped_column(Date)
    deadline: Mapped[date] = mapped_column(Date)
    value_minor: Mapped[int | None]
    currency: Mapped[str]
    confidence_bp: Mapped[int]
    rule_version: Mapped[str]
    explanation: Mapped[dict[str, Any]]
    sync_id: Mapped[str]
    settled_as: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class DetectedLoss(Base):
    """A loss that is not claimed, as of the last detection."""

    __tablename__ = "detected_losses"

    user_id: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    claim_type: Mapped[str]
    fnsku: Mapped[str]
    order_id: Mapped[str]
    reference_id: Mapped[str]
    quantity: Mapped[int]
    event_date: Mapped[date] = mapped_column(Date)
    reason: Mapped[str]
    explanation: Mapped[dict[str, Any]]


class RefundEngineCase(Base):
    """A claim on its way to being paid. The first ten columns are those of the source document."""

    __tablename__ = "refund_engine_cases"
    __table_args__ = (
        UniqueConstraint("user_id", "claim_id"),
        UniqueConstraint("user_id", "id"),
        UniqueConstraint("user_id", "amazon_case_id"),
        ForeignKeyConstraint(["user_id", "claim_id"], [AmazonClaim.user_id, AmazonClaim.id]),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    claim_id: Mapped[str]
    mcde_doc_id: Mapped[str | None]
    case_status: Mapped[str] = mapped_column(server_default="open")
    synced_at: Mapped[datetime] = mapped_column(server_default=func.now())
    raw_data: Mapped[dict[str, Any]]
    normalized_data: Mapped[dict[str, Any]]
    audit_log: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    amazon_case_id: Mapped[str | None]
    filed_at: Mapped[datetime | None]
    filed_quantity: Mapped[int | None]
    """Units claimed when it was filed: the ledger shows fewer open ones as Amazon pays."""
    closed_reason: Mapped[str | None]
    """In words; set exactly while the case is closed."""
    unit_cost_minor: Mapped[int | None]
    """From the linked cost document; null while the value is unknown (rulings R16)."""


class CostEntry(Base):
    """What one unit of a SKU cost to make or source, from a document, from a day on."""

    __tablename__ = "cost_entries"
    __table_args__ = (
        UniqueConstraint("user_id", "sku", "currency", "effective_date"),
        Index(
            "ix_cost_entries_invoice",
            "user_id",
            "invoice_id",
            postgresql_where=text("invoice_id IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    sku: Mapped[str]
    unit_cost_minor: Mapped[int]
    currency: Mapped[str]
    source_document: Mapped[str]
    effective_date: Mapped[date] = mapped_column(Date)
    invoice_id: Mapped[str | None]
    """The supplier's invoice that it was read from; null for what a person entered."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CaseRecovery(Base):
    """A reimbursement id, allocated once: to one case, or to none with the reason."""

    __tablename__ = "case_recoveries"
    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "case_id"], [RefundEngineCase.user_id, RefundEngineCase.id]
        ),
    )

    user_id: Mapped[str] = mapped_column(primary_key=True)
    recovery_id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str | None]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    quantity: Mapped[int]
    approved_at: Mapped[datetime]
    reason: Mapped[str]
    amazon_case_id: Mapped[str]
    original_recovery_id: Mapped[str | None]
    """Set on a reversal: the reimbursement that was taken back."""
    billable: Mapped[bool]
    not_billable_reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CaseTransition(Base):
    """The legal moves, for the trigger; `rules.TRANSITIONS` holds the same, and a test compares."""

    __tablename__ = "case_transitions"

    from_status: Mapped[str] = mapped_column(primary_key=True)
    to_status: Mapped[str] = mapped_column(primary_key=True)
