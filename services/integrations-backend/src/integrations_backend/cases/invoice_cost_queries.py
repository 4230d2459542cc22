"""SQL about unit costs that come from suppliers' invoices."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.cases.models import AmazonClaim, CostEntry
from opside_chassis.ids import new_id


async def replace_invoice_costs(
    session: AsyncSession, user_id: str, entries: Sequence[dict[str, Any]]
) -> None:
    """Make the entries that come from invoices exactly these; those of people stay."""
    lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
    await session.execute(lock, {"key": f"invoice-costs:{user_id}"})
    named = ("sku", "currency", "effective_date")
    wanted = [tuple(entry[name] for name in (*named, "invoice_id")) for entry in entries]
    key = tuple_(*(getattr(CostEntry, name) for name in (*named, "invoice_id")))
    gone = delete(CostEntry).where(CostEntry.user_id == user_id, CostEntry.invoice_id.is_not(None))
    await session.execute(gone.where(key.not_in(wanted)) if wanted else gone)
    for entry in entries:
        statement = insert(CostEntry).values(id=new_id("cst"), **entry)
        told = ("unit_cost_minor", "source_document")
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=["user_id", *named],
                set_={name: getattr(statement.excluded, name) for name in told},
                where=CostEntry.invoice_id == statement.excluded.invoice_id,
            )
        )


_UNLINK = text(
    """
    UPDATE refund_engine_cases k SET mcde_doc_id = NULL, unit_cost_minor = NULL, synced_at = now()
     WHERE k.user_id = :user_id AND k.case_status = 'open' AND k.mcde_doc_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM cost_entries e
                        WHERE e.user_id = k.user_id AND e.id = k.mcde_doc_id)
    RETURNING k.id
    """
)


async def unlink_lost_costs(session: AsyncSession, user_id: str) -> int:
    """Open cases whose cost was taken out of the book have no value any more; filed ones keep theirs."""
    return len((await session.execute(_UNLINK, {"user_id": user_id})).all())


async def goods_of_claims(session: AsyncSession, user_id: str) -> list[tuple[str, str]]:
    """(SKU, FNSKU) of every claim."""
    query = select(AmazonClaim.sku, AmazonClaim.fnsku).where(AmazonClaim.user_id == user_id)
    return [(sku, fnsku) for sku, fnsku in await session.execute(query.distinct())]


async def of_invoice(session: AsyncSession, user_id: str, invoice_id: str) -> Sequence[CostEntry]:
    """Entries that come from one invoice, by SKU."""
    query = (
        select(CostEntry)
        .where(CostEntry.user_id == user_id, CostEntry.invoice_id == invoice_id)
        .order_by(CostEntry.sku)
    )
    return (await session.scalars(query)).all()


async def entered(session: AsyncSession, user_id: str) -> dict[tuple[str, str], int]:
    """Newest unit costs that no invoice gave, by (SKU, currency)."""
    query = (
        select(CostEntry)
        .where(CostEntry.user_id == user_id, CostEntry.invoice_id.is_(None))
        .order_by(CostEntry.effective_date)
    )
    rows = await session.scalars(query)
    return {(row.sku, row.currency): row.unit_cost_minor for row in rows}
