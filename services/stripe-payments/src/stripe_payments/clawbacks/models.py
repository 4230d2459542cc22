"""The clawback: one row a reversal of a recovery, for ever."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from stripe_payments.base import Base
from stripe_payments.commissions.access import Commission


class Clawback(Base):
    """What one reversal gives back. Amounts are minor units of the commission's currency."""

    __tablename__ = "clawbacks"
    __table_args__ = (
        UniqueConstraint("commission_id", "reversal_id"),
        ForeignKeyConstraint(
            ["user_id", "commission_id"],
            [Commission.__table__.c.user_id, Commission.__table__.c.id],
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    commission_id: Mapped[str]
    reversal_id: Mapped[str]
    """Amazon's reversing reimbursement id, or the idempotency key of an admin's order."""
    reason: Mapped[str]
    requested_by: Mapped[str]
    taken_back_minor: Mapped[int]
    """Of the recovered amount."""
    fee_back_minor: Mapped[int] = mapped_column(server_default="0")
    """Our part of the refund; set once, with the credit note."""
    reverse_minor: Mapped[int] = mapped_column(server_default="0")
    """What is taken back from the seller's Connect account (gross only)."""
    refund_minor: Mapped[int] = mapped_column(server_default="0")
    """What the payer gets back; set once, with the credit note."""
    state: Mapped[str]
    version: Mapped[int] = mapped_column(server_default="1")
    attempt: Mapped[int] = mapped_column(server_default="1")
    """Part of the Stripe keys; grows when a person lets a blocked clawback go on, or a key is of no use."""
    asked_at: Mapped[datetime | None]
    """When the present step took its present key."""
    unseen_at: Mapped[datetime | None]
    """When that key was of no use any more, and a list showed nothing: the first of two such lists."""
    transfer_reversal_id: Mapped[str | None] = mapped_column(unique=True)
    refund_id: Mapped[str | None] = mapped_column(unique=True)
    failure_reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ClawbackTransition(Base):
    """Who makes which move, for the trigger; `rules.TRANSITIONS` has the moves, and a test compares."""

    __tablename__ = "clawback_transitions"

    from_state: Mapped[str] = mapped_column(primary_key=True)
    to_state: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
