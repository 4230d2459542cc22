"""A reading in the words of the contract, which is also how it is stored."""

from dataclasses import asdict
from datetime import date
from typing import Any

from integrations_backend.invoices.page_text import Place
from integrations_backend.invoices.read_paper import PaperRead
from integrations_backend.invoices.reading import Field, Goods, Reading
from opside_contracts.integrations.papers import (
    PaperPlace,
    PaperReading,
    ParsedDocument,
    ReadAmount,
    ReadDay,
    ReadGoods,
    ReadText,
)


def parsed(paper: PaperRead) -> ParsedDocument:
    """For whoever handed the file over."""
    return ParsedDocument(
        media=paper.media.value,
        needs_typing=paper.needs_typing,
        reading=presented(paper.reading) if paper.reading else None,
    )


def presented(reading: Reading) -> PaperReading:
    """Every field with confidence, reasons and place."""
    return PaperReading(
        kind=reading.kind.value,
        sure=reading.sure,
        supplier=_text(reading.supplier),
        number=_text(reading.number),
        dated=ReadDay(value=reading.dated.value, **_why(reading.dated)),
        currency=_text(reading.currency),
        total_minor=ReadAmount(value=reading.total_minor.value, **_why(reading.total_minor)),
        goods=[_goods(one) for one in reading.goods],
        shipments=list(reading.shipments),
        problems=list(reading.problems),
    )


def _text(field: Field[str]) -> ReadText:
    return ReadText(value=field.value, **_why(field))


def _why(field: Field[str] | Field[int] | Field[date]) -> dict[str, Any]:
    return {
        "confidence_bp": field.confidence_bp,
        "reasons": list(field.reasons),
        "place": _place(field.place),
    }


def _place(place: Place | None) -> PaperPlace | None:
    return None if place is None else PaperPlace(**asdict(place))


def _goods(one: Goods) -> ReadGoods:
    return ReadGoods(
        sku=one.sku,
        fnsku=one.fnsku,
        asin=one.asin,
        description=one.description,
        quantity=one.quantity,
        unit_cost_minor=one.unit_cost_minor,
        confidence_bp=one.confidence_bp,
        reasons=list(one.reasons),
        place=_place(one.place),
    )
