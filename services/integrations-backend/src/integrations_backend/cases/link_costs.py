"""The cost book: what a unit cost, from a document; it values lost stock (rulings R16)."""

from collections.abc import Sequence
from datetime import date

from pydantic import Field

from integrations_backend.cases import queries
from opside_chassis.database import Sessions, transaction
from opside_chassis.wire import ApiModel, Currency, MinorUnits, PlainText


class Cost(ApiModel):
    """The cost of one unit of a SKU, minor units, without shipping, handling and duties."""

    sku: PlainText = Field(min_length=1, max_length=100)
    unit_cost_cents: MinorUnits = Field(gt=0)
    currency: Currency
    source_document: PlainText = Field(min_length=1, max_length=300)
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
