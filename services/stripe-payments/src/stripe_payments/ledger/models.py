"""Journals and their postings: append-only, zero-sum per currency, sealed at commit."""

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from stripe_payments.base import Base


class Journal(Base):
    """One business effect."""

    __tablename__ = "journals"
    __table_args__ = (UniqueConstraint("effect", "kind"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    effect: Mapped[str]
    """What caused it: the Stripe object's id."""
    commission_id: Mapped[str | None] = mapped_column(
        ForeignKey("payments.commissions.id"), index=True
    )
    invoice_id: Mapped[str | None] = mapped_column(
        ForeignKey("payments.stripe_invoices.id"), index=True
    )
    """One of both says what the effect is about."""
    booked_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    transaction_number: Mapped[int]
    """The database transaction that wrote it: no other may add to it."""


class Posting(Base):
    """A line of a journal; debits are positive, credits negative, minor units."""

    __tablename__ = "postings"

    journal_id: Mapped[str] = mapped_column(ForeignKey(Journal.id), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str]
    currency: Mapped[str]
    amount_minor: Mapped[int]
