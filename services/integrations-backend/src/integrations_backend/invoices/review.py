"""The seller looks at his invoices, confirms, corrects or rejects them; what was before is kept."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func

from integrations_backend.archive import Archive
from integrations_backend.cases.link_costs import costs_of_invoice
from integrations_backend.invoices import queries
from integrations_backend.invoices.book import book_costs
from integrations_backend.invoices.errors import IncompleteInvoice, NoSuchInvoice, WrongState
from integrations_backend.invoices.models import SupplierInvoice
from integrations_backend.invoices.rules import (
    CAN_BE_CONFIRMED,
    CAN_BE_CORRECTED,
    CAN_BE_REJECTED,
    Status,
)
from integrations_backend.invoices.schemas import Correction, InvoiceView, WholeInvoice, view, whole
from opside_chassis.database import Sessions, transaction
from opside_chassis.pagination import Page, PageQuery, decode_cursor, encode_cursor


@dataclass(frozen=True, slots=True)
class Original:
    """A file as received."""

    name: str
    media: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Invoices:
    """The invoices of one user."""

    sessions: Sessions
    archive: Archive
    user_id: str

    async def listed(self, status: Status | None, page: PageQuery) -> Page[InvoiceView]:
        """Newest first."""
        before = decode_cursor(page.cursor, parts=1)[0] if page.cursor else None
        async with transaction(self.sessions, tenant=self.user_id) as session:
            rows = await queries.page_of(
                session, user_id=self.user_id, status=status, before=before, limit=page.limit
            )
        items = [view(invoice, paper) for invoice, paper in rows[: page.limit]]
        more = len(rows) > page.limit
        cursor = encode_cursor(items[-1].invoice_id) if more else None
        return Page[InvoiceView](items=items, next_cursor=cursor)

    async def one(self, invoice_id: str) -> WholeInvoice:
        """With readings, costs and history. Raises `NoSuchInvoice`."""
        costs = await costs_of_invoice(self.sessions, user_id=self.user_id, invoice_id=invoice_id)
        async with transaction(self.sessions, tenant=self.user_id) as session:
            found = await queries.one(session, self.user_id, invoice_id)
            if found is None:
                raise NoSuchInvoice("there is no such invoice")
            changes = await queries.changes_of(session, self.user_id, invoice_id)
        return whole(*found, costs=costs, changes=list(changes))

    async def original(self, invoice_id: str) -> Original:
        """The file as received. Raises `NoSuchInvoice`."""
        async with transaction(self.sessions, tenant=self.user_id) as session:
            found = await queries.one(session, self.user_id, invoice_id)
        if found is None:
            raise NoSuchInvoice("there is no such invoice")
        paper = found[1]
        content = await asyncio.to_thread(self.archive.file, paper.archived_as)
        return Original(paper.filename, paper.media, content)

    async def confirm(self, invoice_id: str) -> WholeInvoice:
        """The seller says that it is right.

        Raises:
            NoSuchInvoice, WrongState
            IncompleteInvoice: something is missing without which no cost can be booked.
        """

        def confirmed(invoice: SupplierInvoice) -> None:
            lines = invoice.goods["lines"]
            named = invoice.supplier and invoice.number and invoice.dated and invoice.currency
            if not (named and lines and all(one["unitCostMinor"] for one in lines)):
                raise IncompleteInvoice("a field is missing: correct the invoice first")
            invoice.status = Status.CONFIRMED.value
            invoice.reason = "the seller confirmed it"

        return await self._change(invoice_id, "confirm", CAN_BE_CONFIRMED, confirmed)

    async def correct(self, invoice_id: str, told: Correction) -> WholeInvoice:
        """What the seller types takes the place of what was read. Raises as `confirm` does."""

        def corrected(invoice: SupplierInvoice) -> None:
            invoice.supplier, invoice.number = told.supplier, told.number
            invoice.dated, invoice.currency = told.dated, told.currency
            invoice.total_minor = told.total_minor
            lines = [one.model_dump(mode="json", by_alias=True) for one in told.lines]
            invoice.goods = {"lines": lines}
            invoice.status = Status.CONFIRMED.value
            invoice.reason = "the seller corrected it"

        return await self._change(invoice_id, "correct", CAN_BE_CORRECTED, corrected)

    async def reject(self, invoice_id: str, reason: str) -> WholeInvoice:
        """Its costs leave the book; open cases lose the value that came from it."""

        def rejected(invoice: SupplierInvoice) -> None:
            invoice.status = Status.REJECTED.value
            invoice.reason = reason or "the seller rejected it"

        return await self._change(invoice_id, "reject", CAN_BE_REJECTED, rejected)

    async def _change(
        self,
        invoice_id: str,
        action: str,
        allowed: frozenset[Status],
        change: Callable[[SupplierInvoice], None],
    ) -> WholeInvoice:
        async with transaction(self.sessions, tenant=self.user_id) as session:
            found = await queries.one(session, self.user_id, invoice_id, lock=True)
            if found is None:
                raise NoSuchInvoice("there is no such invoice")
            invoice = found[0]
            if Status(invoice.status) not in allowed:
                raise WrongState(f"an invoice that is {invoice.status} takes no {action}")
            before = _held(invoice)
            change(invoice)
            await queries.add_change(session, invoice, action=action, before=before)
            invoice.version += 1
            invoice.updated_at = func.now()
        await book_costs(self.sessions, self.archive, user_id=self.user_id)
        return await self.one(invoice_id)


def _held(invoice: SupplierInvoice) -> dict[str, Any]:
    return {
        "status": invoice.status,
        "reason": invoice.reason,
        "supplier": invoice.supplier,
        "number": invoice.number,
        "dated": invoice.dated.isoformat() if invoice.dated else None,
        "currency": invoice.currency,
        "totalMinor": invoice.total_minor,
        "lines": invoice.goods["lines"],
    }
