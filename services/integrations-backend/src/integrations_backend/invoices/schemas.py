"""What routes take and answer about invoices."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from integrations_backend.cases.link_costs import BookedCost
from integrations_backend.invoices.models import InvoiceChange, Paper, SupplierInvoice
from integrations_backend.invoices.rules import Status
from opside_chassis.wire import AnswerModel, ApiModel, Currency, MinorUnits, PlainText
from opside_contracts.integrations.papers import PaperReading

MOST_LINES = 500


class InvoiceLine(ApiModel):
    """Goods and the cost of one piece in minor units, without tax and carriage."""

    sku: PlainText = Field(default="", max_length=100)
    fnsku: PlainText = Field(default="", max_length=20)
    asin: PlainText = Field(default="", max_length=20)
    description: PlainText = Field(default="", max_length=300)
    quantity: Annotated[int, Field(gt=0, le=10_000_000)] | None = None
    unit_cost_minor: Annotated[MinorUnits, Field(gt=0)]


class Correction(ApiModel):
    """What the seller says the invoice says; it takes the place of what was read."""

    supplier: PlainText = Field(min_length=1, max_length=120)
    number: PlainText = Field(min_length=1, max_length=60)
    dated: date
    currency: Currency
    total_minor: MinorUnits | None = None
    lines: list[InvoiceLine] = Field(min_length=1, max_length=MOST_LINES)


class Rejection(ApiModel):
    """Why its costs must not be used."""

    reason: PlainText = Field(default="", max_length=300)


class HeldLine(AnswerModel):
    """A line as it holds now."""

    sku: str
    fnsku: str
    asin: str
    description: str
    quantity: int | None
    unit_cost_minor: int | None


class InvoiceView(AnswerModel):
    """An invoice, and where it came from."""

    invoice_id: str
    status: Status
    reason: str
    supplier: str | None
    number: str | None
    dated: date | None
    currency: str | None
    total_minor: int | None
    lines: list[HeldLine]
    same_as: str | None
    version: int
    file_name: str
    media: str
    size_bytes: int
    sha256: str
    sender: str
    subject: str
    received_at: datetime


class Earlier(AnswerModel):
    """One thing that a person did."""

    version: int
    action: str
    at: datetime
    before: dict[str, object]


class WholeInvoice(InvoiceView):
    """With what was read and where it stands, the costs in the book, and the history."""

    reading: PaperReading | None
    costs: list[BookedCost]
    history: list[Earlier]


def view(invoice: SupplierInvoice, paper: Paper) -> InvoiceView:
    """For a list."""
    return InvoiceView(**_fields(invoice, paper))


def whole(
    invoice: SupplierInvoice,
    paper: Paper,
    *,
    costs: list[BookedCost],
    changes: list[InvoiceChange],
) -> WholeInvoice:
    """For one invoice."""
    return WholeInvoice(
        **_fields(invoice, paper),
        reading=PaperReading.model_validate(invoice.reading) if invoice.reading else None,
        costs=costs,
        history=[
            Earlier(version=one.version, action=one.action, at=one.at, before=one.before)
            for one in changes
        ],
    )


def _fields(invoice: SupplierInvoice, paper: Paper) -> dict[str, object]:
    return {
        "invoice_id": invoice.id,
        "status": Status(invoice.status),
        "reason": invoice.reason,
        "supplier": invoice.supplier,
        "number": invoice.number,
        "dated": invoice.dated,
        "currency": invoice.currency,
        "total_minor": invoice.total_minor,
        "lines": [HeldLine.model_validate(one) for one in invoice.goods["lines"]],
        "same_as": invoice.same_as,
        "version": invoice.version,
        "file_name": paper.filename,
        "media": paper.media,
        "size_bytes": paper.size_bytes,
        "sha256": paper.sha256,
        "sender": paper.sender,
        "subject": paper.subject,
        "received_at": paper.received_at,
    }
