"""A file that came by mail is kept once, read, and, if it is an invoice, takes its first status."""

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.archive import Archive
from integrations_backend.invoices import queries
from integrations_backend.invoices.models import Paper, SupplierInvoice
from integrations_backend.invoices.present import presented
from integrations_backend.invoices.read_paper import PaperRead, read_paper
from integrations_backend.invoices.reading import Came, Reading
from integrations_backend.invoices.rules import BOOKED, Status, first_status
from integrations_backend.invoices.vocabulary import Kind
from opside_chassis.database import Sessions, transaction
from opside_chassis.ids import new_id


@dataclass(frozen=True, slots=True)
class Origin:
    """Which part of which message it was, and what stood around it."""

    user_id: str
    account_id: str
    message_id: str
    part_id: str
    received_at: datetime
    came: Came


@dataclass(frozen=True, slots=True)
class Papers:
    """The papers of all users."""

    sessions: Sessions
    archive: Archive

    async def keep(self, content: Path, origin: Origin) -> bool:
        """Store and read a file, once for a user; answers whether its costs are to be booked."""
        digest, size = await asyncio.to_thread(_fingerprint, content)
        if await self._known(digest, origin):
            return False
        key = f"{origin.user_id}/papers/{digest}"
        await asyncio.to_thread(self.archive.keep_file, key, content)
        read = await read_paper(content, origin.came)
        async with transaction(self.sessions, tenant=origin.user_id) as session:
            await queries.hold_invoices(session, origin.user_id)
            known = await queries.paper_by_hash(session, origin.user_id, digest)
            if known is not None:
                await _note_source(session, origin, known.id)
                return False
            paper = _paper(origin, read, digest=digest, size=size, key=key)
            session.add(paper)
            await session.flush()
            await _note_source(session, origin, paper.id)
            return await _file(session, paper, read, origin)

    async def _known(self, digest: str, origin: Origin) -> bool:
        async with transaction(self.sessions, tenant=origin.user_id) as session:
            known = await queries.paper_by_hash(session, origin.user_id, digest)
            if known is not None:
                await _note_source(session, origin, known.id)
            return known is not None


async def _note_source(session: AsyncSession, origin: Origin, paper_id: str) -> None:
    await queries.add_source(
        session,
        user_id=origin.user_id,
        account_id=origin.account_id,
        message_id=origin.message_id,
        part_id=origin.part_id,
        paper_id=paper_id,
    )


def _paper(origin: Origin, read: PaperRead, *, digest: str, size: int, key: str) -> Paper:
    reading = read.reading
    return Paper(
        id=new_id("pap"),
        user_id=origin.user_id,
        sha256=digest,
        size_bytes=size,
        media=read.media.value,
        filename=origin.came.filename,
        kind=reading.kind.value if reading else Kind.UNKNOWN.value,
        shipments={"ids": list(reading.shipments) if reading else []},
        archived_as=key,
        sender=origin.came.sender,
        subject=origin.came.subject,
        received_at=origin.received_at,
    )


async def _file(session: AsyncSession, paper: Paper, read: PaperRead, origin: Origin) -> bool:
    """Make an invoice of it, if it is one; answers whether its costs are to be booked."""
    first = first_status(read.reading, read.needs_typing, origin.came)
    if first is None:
        return False
    status, reason = first
    invoice = SupplierInvoice(
        id=new_id("inv"),
        user_id=paper.user_id,
        paper_id=paper.id,
        status=status.value,
        reason=reason,
        **_values(read.reading),
    )
    await _compare(session, invoice)
    session.add(invoice)
    await session.flush()
    return Status(invoice.status) in BOOKED


def _values(reading: Reading | None) -> dict[str, Any]:
    if reading is None:
        return {"goods": {"lines": []}, "reading": {}}
    shown = presented(reading).model_dump(mode="json", by_alias=True)
    kept = ("sku", "fnsku", "asin", "description", "quantity", "unitCostMinor")
    return {
        "supplier": reading.supplier.value,
        "number": reading.number.value,
        "dated": reading.dated.value,
        "currency": reading.currency.value,
        "total_minor": reading.total_minor.value,
        "goods": {"lines": [{name: one[name] for name in kept} for one in shown["goods"]]},
        "reading": shown,
    }


async def _compare(session: AsyncSession, invoice: SupplierInvoice) -> None:
    """The same invoice again is a duplicate; another one of the same number needs a person."""
    if not (invoice.supplier and invoice.number):
        return
    before = await queries.of_number(
        session, invoice.user_id, supplier=invoice.supplier, number=invoice.number
    )
    if before is None:
        return
    if _says(before) == _says(invoice):
        invoice.status, invoice.same_as = Status.DUPLICATE.value, before.id
        invoice.reason = "the same invoice came before"
    elif invoice.status == Status.ACCEPTED.value:
        invoice.status = Status.PROPOSED.value
        invoice.reason = f"{before.id} has the same number and says otherwise"


def _says(invoice: SupplierInvoice) -> tuple[object, ...]:
    lines = [
        (one["sku"], one["fnsku"], one["asin"], one["quantity"], one["unitCostMinor"])
        for one in invoice.goods["lines"]
    ]
    return invoice.dated, invoice.currency, invoice.total_minor, sorted(map(str, lines))


def _fingerprint(content: Path) -> tuple[str, int]:
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), content.stat().st_size
