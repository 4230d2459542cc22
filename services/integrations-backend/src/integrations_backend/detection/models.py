"""Claims as detected, and losses that are not claims."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from integrations_backend.base import Base


class AmazonClaim(Base):
    """A claim and its explanation; `claim_key` names the economic loss, so a rerun finds it again."""

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
