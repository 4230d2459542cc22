"""The commission: one row a recovery, for ever."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from stripe_payments.base import Base


class Commission(Base):
    """Our fee on one recovery. Amounts are minor units of `currency`; the rate is basis points."""

    __tablename__ = "commissions"
    __table_args__ = (
        UniqueConstraint("user_id", "claim_id", "recovery_id"),
        UniqueConstraint("user_id", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    claim_id: Mapped[str]
    recovery_id: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    rate_bp: Mapped[int]
    fee_minor: Mapped[int]
    share_minor: Mapped[int]
    collection: Mapped[str]
    charge_minor: Mapped[int]
    """What the payer is charged."""
    state: Mapped[str] = mapped_column(index=True)
    version: Mapped[int] = mapped_column(server_default="1")
    deadline_at: Mapped[datetime | None] = mapped_column(index=True)
    """Null at rest; past it the sweep looks at the row."""
    customer_id: Mapped[str | None]
    payment_method_id: Mapped[str | None]
    intent_id: Mapped[str | None] = mapped_column(unique=True)
    confirm_number: Mapped[int] = mapped_column(server_default="0")
    charge_id: Mapped[str | None]
    declined_charge_id: Mapped[str | None]
    """The charge of the last decline, so that an old one is not taken for a new one."""
    collected_minor: Mapped[int] = mapped_column(server_default="0")
    reserved_minor: Mapped[int] = mapped_column(server_default="0")
    transferred_minor: Mapped[int] = mapped_column(server_default="0")
    refunded_minor: Mapped[int] = mapped_column(server_default="0")
    refund_reserved_minor: Mapped[int] = mapped_column(server_default="0")
    taken_back_minor: Mapped[int] = mapped_column(server_default="0")
    """What Amazon took back of the recovery, as far as we were told."""
    credited_minor: Mapped[int] = mapped_column(server_default="0")
    """The part of `taken_back_minor` that a credit note was booked for."""
    fee_credited_minor: Mapped[int] = mapped_column(server_default="0")
    """Our fee on `credited_minor`, rounded over the sum so that parts cannot drift."""
    reversed_minor: Mapped[int] = mapped_column(server_default="0")
    transfer_number: Mapped[int] = mapped_column(server_default="0")
    """Grows with each reservation of the share; part of the transfer's Stripe key."""
    transfer_asked_at: Mapped[datetime | None]
    """When the present key was taken."""
    transfer_unseen_at: Mapped[datetime | None]
    """When the key was of no use any more, and a list showed no transfer: the first of two such lists."""
    transfer_id: Mapped[str | None] = mapped_column(unique=True)
    next_step: Mapped[str] = mapped_column(server_default="none")
    failure_reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class SellerRate(Base):
    """A rate that was agreed with one seller; the newest holds, and none is ever changed."""

    __tablename__ = "seller_rates"
    __table_args__ = (Index("ix_seller_rates_user_id", "user_id", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    rate_bp: Mapped[int]
    set_by: Mapped[str]
    note: Mapped[str]
    set_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CommissionTransition(Base):
    """Who makes which move, for the trigger; `rules.TRANSITIONS` has the moves, and a test compares."""

    __tablename__ = "commission_transitions"

    from_state: Mapped[str] = mapped_column(primary_key=True)
    to_state: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
