"""Cases of a seller as integrations-backend tells them to his own client, and to one who acts for him."""

from datetime import date, datetime
from typing import Any

from pydantic import Field

from opside_chassis.wire import AnswerModel, ApiModel, Currency, MinorUnits, PlainText


class SellerCase(AnswerModel):
    """A claim on its way to being paid. `value_cents` is null where a cost document is needed (R16)."""

    case_id: str
    claim_id: str
    claim_type: str
    fnsku: str
    sku: str
    order_id: str
    reference_id: str
    quantity: int
    event_date: date
    opens_on: date
    deadline: date
    """The last day on which it may be filed."""
    value_cents: int | None
    currency: Currency
    confidence: float
    rule_version: str
    explanation: dict[str, Any]
    status: str
    closed_reason: str | None = None
    amazon_case_id: str | None = None
    filed_at: datetime | None = None
    mcde_doc_id: str | None = None
    audit: list[dict[str, Any]] = Field(default_factory=list)


class SellerCases(AnswerModel):
    """One page; `next_cursor` is null on the last."""

    items: list[SellerCase]
    next_cursor: str | None = None


class UnitCost(ApiModel):
    """What one unit of a SKU cost to make or source, minor units, from a document, from a day on."""

    sku: PlainText = Field(min_length=1, max_length=100)
    unit_cost_cents: MinorUnits = Field(gt=0)
    currency: Currency
    source_document: PlainText = Field(min_length=1, max_length=300)
    effective_date: date


class FileCase(ApiModel):
    """The number that Amazon gave a case that a person filed."""

    amazon_case_id: PlainText = Field(pattern=r"^[0-9]{6,20}$")
