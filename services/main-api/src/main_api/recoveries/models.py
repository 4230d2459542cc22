"""Recoveries, the commissions asked for them, and what Amazon took back."""

from datetime import datetime

from sqlalchemy import ForeignKey, ForeignKeyConstraint, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from main_api.base import Base


class Recovery(Base):
    """Money that Amazon paid for a case, stored once, with the state of our fee for it.

    Amounts are minor units of `currency`.
    """

    __tablename__ = "recoveries"
    __table_args__ = (UniqueConstraint("user_id", "recovery_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    recovery_id: Mapped[str]
    """Amazon's reimbursement id."""
    case_id: Mapped[str]
    claim_id: Mapped[str]
    claim_type: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    quantity: Mapped[int]
    approved_at: Mapped[datetime] = mapped_column(index=True)
    amazon_case_id: Mapped[str | None]
    billable: Mapped[bool]
    not_billable_reason: Mapped[str | None]
    rule_version: Mapped[str]
    review_until: Mapped[datetime | None]
    """Until then the seller may object and no fee is asked for; null: asked for at once."""
    requested_at: Mapped[datetime | None]
    """When the fee was first asked for; from then on an objection is too late."""
    collection: Mapped[str | None]
    """The collection mode it was asked for with; every repeat asks for the same."""
    not_charged_reason: Mapped[str | None]
    """Why no fee will ever be asked for, though the recovery was our doing."""
    transaction_id: Mapped[str | None]
    commission_status: Mapped[str | None]
    commission_version: Mapped[int] = mapped_column(server_default="0")
    settled: Mapped[bool] = mapped_column(server_default="false")
    next_step: Mapped[str] = mapped_column(server_default="none")
    rate_bp: Mapped[int | None]
    """Basis points of the fee as stripe-payments accepted it."""
    fee_minor: Mapped[int] = mapped_column(server_default="0")
    collected_minor: Mapped[int] = mapped_column(server_default="0")
    transferred_minor: Mapped[int] = mapped_column(server_default="0")
    refunded_minor: Mapped[int] = mapped_column(server_default="0")
    reversed_minor: Mapped[int] = mapped_column(server_default="0")
    """What Amazon took back of it so far."""
    payment_intent_id: Mapped[str | None]
    failure_reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Reversal(Base):
    """Money that Amazon took back; one effect per reversing reimbursement id."""

    __tablename__ = "reversals"
    __table_args__ = (
        ForeignKeyConstraint(["user_id", "recovery_id"], [Recovery.user_id, Recovery.recovery_id]),
    )

    user_id: Mapped[str] = mapped_column(primary_key=True)
    reversal_id: Mapped[str] = mapped_column(primary_key=True)
    recovery_id: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    reversed_at: Mapped[datetime]
    clawed_back_at: Mapped[datetime | None]


class Objection(Base):
    """What a seller has against the fee on one recovery, and what an admin made of it."""

    __tablename__ = "objections"

    recovery_row_id: Mapped[str] = mapped_column(ForeignKey(Recovery.id), primary_key=True)
    user_id: Mapped[str]
    reason: Mapped[str]
    raised_at: Mapped[datetime] = mapped_column(server_default=func.now())
    outcome: Mapped[str | None]
    note: Mapped[str | None]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
