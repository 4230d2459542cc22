"""All SQL about papers and invoices."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.invoices.models import (
    InvoiceChange,
    Paper,
    PaperSource,
    SupplierInvoice,
)
from integrations_backend.invoices.rules import BOOKED, Status


async def paper_by_hash(session: AsyncSession, user_id: str, sha256: str) -> Paper | None:
    """A file that came before."""
    query = select(Paper).where(Paper.user_id == user_id, Paper.sha256 == sha256)
    return (await session.scalars(query)).one_or_none()


async def add_source(session: AsyncSession, **values: str) -> None:
    """Note where a paper came from, once."""
    await session.execute(insert(PaperSource).values(**values).on_conflict_do_nothing())


async def hold_invoices(session: AsyncSession, user_id: str) -> None:
    """One at a time: whether an invoice came before can only be said so."""
    lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
    await session.execute(lock, {"key": f"invoices:{user_id}"})


async def of_number(
    session: AsyncSession, user_id: str, *, supplier: str, number: str
) -> SupplierInvoice | None:
    """The first invoice with this number of this supplier that was not rejected."""
    query = (
        select(SupplierInvoice)
        .where(
            SupplierInvoice.user_id == user_id,
            func.lower(SupplierInvoice.supplier) == supplier.lower(),
            func.lower(SupplierInvoice.number) == number.lower(),
            SupplierInvoice.status.not_in([Status.DUPLICATE.value, Status.REJECTED.value]),
        )
        .order_by(SupplierInvoice.created_at, SupplierInvoice.id)
        .limit(1)
    )
    return (await session.scalars(query)).one_or_none()


async def one(
    session: AsyncSession, user_id: str, invoice_id: str, *, lock: bool = False
) -> tuple[SupplierInvoice, Paper] | None:
    """An invoice and its paper."""
    query = (
        select(SupplierInvoice, Paper)
        .join(
            Paper,
            (Paper.user_id == SupplierInvoice.user_id) & (Paper.id == SupplierInvoice.paper_id),
        )
        .where(SupplierInvoice.user_id == user_id, SupplierInvoice.id == invoice_id)
    )
    query = query.with_for_update(of=SupplierInvoice) if lock else query
    found = (await session.execute(query)).one_or_none()
    return None if found is None else (found[0], found[1])


async def page_of(
    session: AsyncSession, *, user_id: str, status: str | None, before: str | None, limit: int
) -> Sequence[Row[SupplierInvoice, Paper]]:
    """Newest first, one more than asked."""
    query = (
        select(SupplierInvoice, Paper)
        .join(
            Paper,
            (Paper.user_id == SupplierInvoice.user_id) & (Paper.id == SupplierInvoice.paper_id),
        )
        .where(SupplierInvoice.user_id == user_id)
        .order_by(SupplierInvoice.id.desc())
        .limit(limit + 1)
    )
    if status is not None:
        query = query.where(SupplierInvoice.status == status)
    if before is not None:
        query = query.where(SupplierInvoice.id < before)
    return (await session.execute(query)).all()


async def booked(session: AsyncSession, user_id: str) -> Sequence[SupplierInvoice]:
    """Every invoice whose costs belong in the cost book, oldest first."""
    query = (
        select(SupplierInvoice)
        .where(
            SupplierInvoice.user_id == user_id,
            or_(*(SupplierInvoice.status == status.value for status in BOOKED)),
        )
        .order_by(SupplierInvoice.id)
    )
    return (await session.scalars(query)).all()


async def propose(session: AsyncSession, user_id: str, invoice_id: str, reason: str) -> None:
    """Leave an accepted invoice to a person; one that he has looked at meanwhile stays."""
    await session.execute(
        update(SupplierInvoice)
        .where(
            SupplierInvoice.user_id == user_id,
            SupplierInvoice.id == invoice_id,
            SupplierInvoice.status == Status.ACCEPTED.value,
        )
        .values(status=Status.PROPOSED.value, reason=reason, updated_at=func.now())
    )


async def add_change(
    session: AsyncSession, invoice: SupplierInvoice, *, action: str, before: dict[str, Any]
) -> None:
    """What a person did, and what stood there before."""
    session.add(
        InvoiceChange(
            user_id=invoice.user_id,
            invoice_id=invoice.id,
            version=invoice.version,
            action=action,
            before=before,
        )
    )
    await session.flush()


async def changes_of(
    session: AsyncSession, user_id: str, invoice_id: str
) -> Sequence[InvoiceChange]:
    """The history of an invoice, oldest first."""
    query = (
        select(InvoiceChange)
        .where(InvoiceChange.user_id == user_id, InvoiceChange.invoice_id == invoice_id)
        .order_by(InvoiceChange.version)
    )
    return (await session.scalars(query)).all()
