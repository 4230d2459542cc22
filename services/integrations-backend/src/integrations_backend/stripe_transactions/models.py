"""Movements of money as Stripe told them, and how far each account was pulled."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from integrations_backend.base import SCHEMA, Base


class StripeTransaction(Base):
    """One balance transaction of the seller's account; signed minor units. Stripe never changes one.

    `case_id` and `recovery_id` are set where the movement names them; `linked_by` says by which name.
    """

    __tablename__ = "stripe_transactions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "case_id"],
            [f"{SCHEMA}.refund_engine_cases.user_id", f"{SCHEMA}.refund_engine_cases.id"],
        ),
        ForeignKeyConstraint(
            ["user_id", "recovery_id"],
            [f"{SCHEMA}.case_recoveries.user_id", f"{SCHEMA}.case_recoveries.recovery_id"],
        ),
        Index("ix_stripe_transactions_newest", "user_id", "occurred_at", "transaction_id"),
        Index(
            "ix_stripe_transactions_case",
            "user_id",
            "case_id",
            postgresql_where=text("case_id IS NOT NULL"),
        ),
        CheckConstraint("net_minor = amount_minor - fee_minor", name="net"),
        CheckConstraint(
            "(linked_by IS NULL) = (case_id IS NULL AND recovery_id IS NULL)", name="linked"
        ),
    )

    user_id: Mapped[str] = mapped_column(primary_key=True)
    transaction_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    kind: Mapped[str]
    category: Mapped[str]
    amount_minor: Mapped[int]
    fee_minor: Mapped[int]
    net_minor: Mapped[int]
    currency: Mapped[str]
    occurred_at: Mapped[datetime]
    available_on: Mapped[datetime]
    source_id: Mapped[str | None]
    description: Mapped[str | None]
    identifiers: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """`order:111-...`, `case:cas_...`: the names found in the movement's source."""
    case_id: Mapped[str | None]
    recovery_id: Mapped[str | None]
    linked_by: Mapped[str | None]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())


class StripePull(Base):
    """How far an account was pulled; `since` to `page_after` is set while a pull is under way.

    Pages come newest first, so the cursor moves only when a pull has reached its end.
    """

    __tablename__ = "stripe_pulls"

    user_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    newest_at: Mapped[datetime | None]
    """The newest movement of all finished pulls."""
    page_after: Mapped[str | None]
    """The last row of the last page of the pull under way."""
    seen_newest_at: Mapped[datetime | None]
    """The newest movement that the pull under way has seen."""
    pulled_at: Mapped[datetime | None]
    """When a pull last came to its end."""
    problem: Mapped[str | None]
    """Why the last pull stopped; null after one that did not."""
