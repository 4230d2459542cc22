"""Open cases as they were last read, and when that was."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date
from sqlalchemy.orm import Mapped, mapped_column

from main_api.base import Base


class CaseFacts(Base):
    """One open case of a seller; `value_minor` is null while its value is unknown (ruling R16)."""

    __tablename__ = "case_facts"

    user_id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(primary_key=True)
    claim_id: Mapped[str]
    claim_type: Mapped[str]
    fnsku: Mapped[str]
    sku: Mapped[str]
    order_id: Mapped[str]
    reference_id: Mapped[str]
    quantity: Mapped[int]
    event_date: Mapped[date] = mapped_column(Date)
    opens_on: Mapped[date] = mapped_column(Date)
    deadline: Mapped[date] = mapped_column(Date, index=True)
    value_minor: Mapped[int | None]
    currency: Mapped[str]
    confidence_bp: Mapped[int]
    rule_version: Mapped[str]
    explanation: Mapped[dict[str, Any]]


class CaseReading(Base):
    """When a seller's cases were read; `complete` is false when there were more than we read."""

    __tablename__ = "case_readings"

    user_id: Mapped[str] = mapped_column(primary_key=True)
    read_at: Mapped[datetime]
    complete: Mapped[bool]
