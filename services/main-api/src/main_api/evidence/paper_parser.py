"""Documents are read by integrations-backend, which reads the papers of mailboxes as well."""

import asyncio
import base64
from collections.abc import Iterator

from main_api.evidence.parser import ReadDocument, ReadField, UnreadDocument
from main_api.evidence.rules import DocumentKind
from opside_chassis.errors import BadRequest, PayloadTooLarge, Unprocessable
from opside_contracts.integrations.client import IntegrationsClient
from opside_contracts.integrations.papers import (
    LARGEST_PAPER_BYTES,
    PaperPlace,
    PaperReading,
    ParsedDocument,
    ParseDocument,
    ReadAmount,
    ReadDay,
    ReadGoods,
    ReadText,
)

TOO_LARGE = "the file is too large to be read by a program; type what it says"
SURE_OF_SHIPMENT_BP = 9_500
"""The contract tells shipments without a confidence: their form is their own proof."""
_KINDS = {
    "invoice": DocumentKind.INVOICE,
    "packing_list": DocumentKind.PACKING_LIST,
    "proof_of_delivery": DocumentKind.PROOF_OF_DELIVERY,
}
_NO_PROOF_OF_COST = ("credit_note", "quotation", "order", "statement")


class PaperParser:
    """The parser of the contract."""

    def __init__(self, integrations: IntegrationsClient) -> None:
        self._integrations = integrations

    async def parse(self, document: UnreadDocument) -> ReadDocument:
        """Send the file and take the answer into our terms; what cannot be read says why."""
        if document.size_bytes > LARGEST_PAPER_BYTES:
            return ReadDocument(needs_typing=TOO_LARGE)
        content = await asyncio.to_thread(document.place.read_bytes)
        asked = ParseDocument(
            file_name=document.file_name, content=base64.b64encode(content).decode()
        )
        try:
            answer = await self._integrations.parse_document(asked)
        except (BadRequest, PayloadTooLarge, Unprocessable) as error:
            return ReadDocument(unreadable=error.detail)
        return understood(answer)


def understood(answer: ParsedDocument) -> ReadDocument:
    """The answer in our terms."""
    if answer.reading is None:
        return ReadDocument(needs_typing=answer.needs_typing or "type what it says")
    reading = answer.reading
    notes = list(reading.problems)
    if reading.kind in _NO_PROOF_OF_COST:
        notes.insert(0, f"it reads like a {reading.kind.replace('_', ' ')}, which proves no cost")
    return ReadDocument(
        fields=(*_head(reading), *_lines(reading)),
        kind=_KINDS.get(reading.kind),
        notes=tuple(notes),
    )


def _head(reading: PaperReading) -> Iterator[ReadField]:
    named: dict[str, ReadText | ReadDay | ReadAmount] = {
        "supplier": reading.supplier,
        "invoice_number": reading.number,
        "invoice_date": reading.dated,
        "currency": reading.currency,
        "total_minor": reading.total_minor,
    }
    for name, read in named.items():
        if read.value is not None:
            yield _field(0, name, read.value, read.confidence_bp, read.place)
    if len(reading.shipments) == 1:
        yield _field(0, "shipment_id", reading.shipments[0], SURE_OF_SHIPMENT_BP, None)


def _lines(reading: PaperReading) -> Iterator[ReadField]:
    for line_no, goods in enumerate(reading.goods, 1):
        for name, value in _values(goods).items():
            if value not in (None, ""):
                yield _field(line_no, name, value, goods.confidence_bp, goods.place)


def _values(goods: ReadGoods) -> dict[str, object]:
    return {
        "sku": goods.sku,
        "fnsku": goods.fnsku,
        "asin": goods.asin,
        "description": goods.description,
        "quantity": goods.quantity,
        "unit_cost_minor": goods.unit_cost_minor,
    }


def _field(
    line_no: int, name: str, value: object, confidence_bp: int, place: PaperPlace | None
) -> ReadField:
    shown = None if place is None else place.model_dump(mode="json", exclude_none=True)
    page = None if place is None else place.page
    return ReadField(line_no, name, str(value), confidence_bp, page, shown)
