"""Suppliers' invoices of the signed-in seller, and the reader of papers for the other services."""

import base64
import binascii
import tempfile
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Response

from integrations_backend.dependencies import Runtime, runtime
from integrations_backend.invoices.errors import ReaderBusy
from integrations_backend.invoices.present import parsed
from integrations_backend.invoices.read_paper import read_in_time
from integrations_backend.invoices.reading import Came
from integrations_backend.invoices.review import Invoices
from integrations_backend.invoices.rules import Status
from integrations_backend.invoices.schemas import (
    Correction,
    InvoiceView,
    Rejection,
    WholeInvoice,
)
from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.errors import BadRequest, PayloadTooLarge, Unavailable
from opside_chassis.pagination import Page, PageQuery
from opside_chassis.service_token import ServiceIdentity
from opside_contracts import scopes
from opside_contracts.integrations.papers import (
    LARGEST_PAPER_BYTES,
    ParsedDocument,
    ParseDocument,
)

router = APIRouter()
Parts = Annotated[Runtime, Depends(runtime)]


class InvoiceQuery(PageQuery):
    """Which invoices."""

    status: Status | None = None


def invoices_of(caller: Annotated[Caller, Depends(access.member())], parts: Parts) -> Invoices:
    """The caller's invoices."""
    return Invoices(parts.database.sessions, parts.archive, caller.user_id)


Own = Annotated[Invoices, Depends(invoices_of)]


@router.get("/api/invoices")
@router.get("/api/v1/invoices")
async def list_invoices(own: Own, query: Annotated[InvoiceQuery, Query()]) -> Page[InvoiceView]:
    """Invoices found in the mailbox, newest first; `status` filters."""
    return await own.listed(query.status, query)


@router.get("/api/invoices/{invoice_id}")
@router.get("/api/v1/invoices/{invoice_id}")
async def read_invoice(invoice_id: str, own: Own) -> WholeInvoice:
    """One invoice: what was read, how surely, why, and where it stands in the file."""
    return await own.one(invoice_id)


@router.get("/api/invoices/{invoice_id}/document", response_class=Response)
@router.get("/api/v1/invoices/{invoice_id}/document", response_class=Response)
async def download_invoice(invoice_id: str, own: Own) -> Response:
    """The file as received. It is handed over, never shown: a stranger wrote it."""
    original = await own.original(invoice_id)
    return Response(
        original.content,
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(original.name, safe='')}",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        },
    )


@router.post("/api/invoices/{invoice_id}/confirm")
@router.post("/api/v1/invoices/{invoice_id}/confirm")
async def confirm_invoice(invoice_id: str, own: Own) -> WholeInvoice:
    """What was read is right: its unit costs value lost stock from its day on."""
    return await own.confirm(invoice_id)


@router.put("/api/invoices/{invoice_id}")
@router.put("/api/v1/invoices/{invoice_id}")
async def correct_invoice(invoice_id: str, correction: Correction, own: Own) -> WholeInvoice:
    """What the seller types takes the place of what was read; the history keeps both."""
    return await own.correct(invoice_id, correction)


@router.post("/api/invoices/{invoice_id}/reject")
@router.post("/api/v1/invoices/{invoice_id}/reject")
async def reject_invoice(invoice_id: str, rejection: Rejection, own: Own) -> WholeInvoice:
    """Its costs must not be used: they leave the cost book."""
    return await own.reject(invoice_id, rejection.reason)


@router.post("/internal/documents/parse")
async def parse_document(
    document: ParseDocument,
    _service: Annotated[ServiceIdentity, Depends(access.service_only(scopes.PARSE_DOCUMENT))],
) -> ParsedDocument:
    """Read a file for another service; nothing of it is stored."""
    try:
        content = base64.b64decode(document.content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest("content is base64") from error
    if len(content) > LARGEST_PAPER_BYTES:
        raise PayloadTooLarge(f"a paper has at most {LARGEST_PAPER_BYTES >> 20} MiB")
    came = Came(
        filename=document.file_name,
        sender=document.sender,
        subject=document.subject,
        received=document.received_on,
    )
    with tempfile.TemporaryDirectory(prefix="opside-paper-") as folder:
        file = Path(folder) / "paper"
        file.write_bytes(content)
        try:
            return parsed(await read_in_time(file, came))
        except ReaderBusy as error:
            raise Unavailable("too many papers at once", retry_after_seconds=15) from error
