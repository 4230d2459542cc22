"""The cost book: what a unit cost, from a document; it values lost stock (rulings R16)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from pydantic import Field

from integrations_backend.cases import invoice_cost_queries, queries
from opside_chassis.database import Sessions, transaction
from opside_chassis.wire import AnswerModel, ApiModel, Currency, MinorUnits, PlainText

LONGEST_SOURCE_CHARS = 300


class Cost(ApiModel):
    """The cost of one unit of a SKU, minor units, without shipping, handling and duties."""

    sku: PlainText = Field(min_length=1, max_length=100)
    unit_cost_cents: MinorUnits = Field(gt=0)
    currency: Currency
    source_document: PlainText = Field(min_length=1, max_length=LONGEST_SOURCE_CHARS)
    effective_date: date


async def link_cost_documents(sessions: Sessions, *, user_id: str) -> int:
    """Link each case to the cost in force on the day of its loss; answers how many changed."""
    async with transaction(sessions, tenant=user_id) as session:
        return await queries.link_costs(session, user_id)


async def put_costs(sessions: Sessions, costs: Sequence[Cost], *, user_id: str) -> int:
    """Store costs and link them at once; answers how many cases changed."""
    rows = [
        {
            "user_id": user_id,
            "sku": cost.sku,
            "unit_cost_minor": cost.unit_cost_cents,
            "currency": cost.currency,
            "source_document": cost.source_document,
            "effective_date": cost.effective_date,
        }
        for cost in costs
    ]
    async with transaction(sessions, tenant=user_id) as session:
        await queries.put_costs(session, rows)
        return await queries.link_costs(session, user_id)


@dataclass(frozen=True, slots=True)
class InvoiceCosts:
    """What one supplier's invoice says: minor units of one piece by SKU."""

    invoice_id: str
    source_document: str
    currency: str
    effective_date: date
    unit_costs: Mapping[str, int]
    beside: Mapping[str, str] = field(default_factory=dict)
    """By SKU, what another invoice says that gave way: told together with the source."""


async def book_invoices(
    sessions: Sessions, invoices: Sequence[InvoiceCosts], *, user_id: str
) -> int:
    """Make the entries from invoices exactly these, and link them; answers how many cases changed.

    What a person entered for the same day stays. No two may tell a cost of one SKU and day.
    """
    rows = [
        {
            "user_id": user_id,
            "sku": sku,
            "unit_cost_minor": cost,
            "currency": invoice.currency,
            "source_document": _source(invoice, sku),
            "effective_date": invoice.effective_date,
            "invoice_id": invoice.invoice_id,
        }
        for invoice in invoices
        for sku, cost in invoice.unit_costs.items()
    ]
    async with transaction(sessions, tenant=user_id) as session:
        await invoice_cost_queries.replace_invoice_costs(session, user_id, rows)
        unlinked = await invoice_cost_queries.unlink_lost_costs(session, user_id)
        return unlinked + await queries.link_costs(session, user_id)


def _source(invoice: InvoiceCosts, sku: str) -> str:
    told = [invoice.source_document, invoice.beside.get(sku, "")]
    return "; ".join(one for one in told if one)[:LONGEST_SOURCE_CHARS]


class BookedCost(AnswerModel):
    """A cost that is in the book."""

    sku: str
    unit_cost_minor: int
    currency: str
    effective_date: date


async def costs_of_invoice(
    sessions: Sessions, *, user_id: str, invoice_id: str
) -> list[BookedCost]:
    """What is in the book from this invoice, under the seller's own SKUs."""
    async with transaction(sessions, tenant=user_id) as session:
        rows = await invoice_cost_queries.of_invoice(session, user_id, invoice_id)
    return [
        BookedCost(
            sku=row.sku,
            unit_cost_minor=row.unit_cost_minor,
            currency=row.currency,
            effective_date=row.effective_date,
        )
        for row in rows
    ]


async def entered_costs(sessions: Sessions, *, user_id: str) -> dict[tuple[str, str], int]:
    """The newest unit cost that a person entered, by (SKU, currency)."""
    async with transaction(sessions, tenant=user_id) as session:
        return await invoice_cost_queries.entered(session, user_id)


async def goods_of_claims(sessions: Sessions, *, user_id: str) -> list[tuple[str, str]]:
    """(SKU, FNSKU) of everything that was ever lost."""
    async with transaction(sessions, tenant=user_id) as session:
        return await invoice_cost_queries.goods_of_claims(session, user_id)
