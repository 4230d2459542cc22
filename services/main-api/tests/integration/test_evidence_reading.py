"""A document's text is read by integrations-backend; people's own words are stronger than its guesses."""

from datetime import date
from typing import Any

from fakes.integrations_fake import seller_case
from fakes.payments_fake import problem
from seller import Seller, pdf

from opside_contracts.integrations.papers import (
    LARGEST_PAPER_BYTES,
    PaperPlace,
    PaperReading,
    ParsedDocument,
    ReadAmount,
    ReadDay,
    ReadGoods,
    ReadText,
)

SURE = {"confidence_bp": 9_500, "reasons": ["it is labelled"]}
BOX = PaperPlace(page=1, box=(10.0, 20.0, 90.0, 30.0))


def goods(**changes: Any) -> ReadGoods:
    values = {
        "sku": "SKU-1",
        "fnsku": "X001",
        "asin": "",
        "description": "Lamp",
        "quantity": 3,
        "unit_cost_minor": 2_000,
        "confidence_bp": 9_000,
        "reasons": ["quantity times price is the amount"],
        "place": BOX,
    }
    return ReadGoods(**(values | changes))


def paper(*lines: ReadGoods, kind: str = "invoice", **changes: Any) -> ParsedDocument:
    values = {
        "kind": kind,
        "sure": True,
        "supplier": ReadText(value="Acme Ltd", **SURE),
        "number": ReadText(value="4711", **SURE),
        "dated": ReadDay(value=date(2026, 9, 1), **SURE, place=BOX),
        "currency": ReadText(value="usd", **SURE),
        "total_minor": ReadAmount(value=6_000, **SURE),
        "goods": list(lines),
        "shipments": [],
        "problems": [],
    }
    return ParsedDocument(media="application/pdf", reading=PaperReading(**(values | changes)))


async def read(seller: Seller, answer: ParsedDocument, content: bytes | None = None) -> str:
    content = content or pdf("Invoice 4711")
    seller.integrations.papers[content] = answer
    evidence_id = await seller.uploaded(content)
    await seller.work()
    return evidence_id


async def values_of(seller: Seller, evidence_id: str) -> dict[tuple[int, str], Any]:
    detail = await seller.got(f"/api/evidence/{evidence_id}")
    return {(one["lineNo"], one["name"]): one["value"] for one in detail["fields"]}


async def test_an_invoice_is_read_with_confidence_and_place_and_finds_its_case(
    seller: Seller,
) -> None:
    seller.integrations.cases["usr_a"] = [seller_case(event_date=date(2026, 10, 31))]
    evidence_id = await read(seller, paper(goods()))
    detail = await seller.got(f"/api/evidence/{evidence_id}")
    assert (detail["reading"], detail["kind"], detail["readingNote"]) == ("read", "invoice", None)
    fields = {(one["lineNo"], one["name"]): one for one in detail["fields"]}
    assert fields[0, "invoice_date"] == {
        "lineNo": 0,
        "name": "invoice_date",
        "value": "2026-09-01",
        "confidence": 0.95,
        "page": 1,
        "place": {"page": 1, "box": [10.0, 20.0, 90.0, 30.0]},
        "source": "parsed",
    }
    assert fields[1, "unit_cost_minor"]["value"] == "2000"
    assert (1, "asin") not in fields
    assert detail["lines"] == [{"lineNo": 1, "units": 3, "usedUnits": 0}]
    [match] = (await seller.got("/api/evidence/matches"))["items"]
    assert (match["caseId"], match["units"], match["confidence"]) == ("cas_1", 2, 0.765)


async def test_a_scan_says_so_and_asks_for_typing(seller: Seller) -> None:
    evidence_id = await seller.uploaded(pdf("a scan"))
    await seller.work()
    detail = await seller.got(f"/api/evidence/{evidence_id}")
    assert (detail["reading"], detail["readingNote"]) == (
        "needs_typing",
        "the paper holds no text",
    )


async def test_what_a_person_typed_survives_another_reading(seller: Seller) -> None:
    evidence_id = await read(seller, paper(goods()))
    await seller.typed(evidence_id, (1, "quantity", "30"), (0, "supplier", None))
    seller.integrations.papers[pdf("Invoice 4711")] = paper(goods(sku="SKU-2"))
    await seller.posted(f"/api/evidence/{evidence_id}/read", status=202)
    await seller.work()
    values = await values_of(seller, evidence_id)
    assert values[1, "quantity"] == "30"
    assert values[0, "supplier"] is None
    assert values[1, "sku"] == "SKU-2"


async def test_a_reading_that_shows_fewer_units_than_are_used_changes_nothing(
    seller: Seller,
) -> None:
    seller.integrations.cases["usr_a"] = [seller_case()]
    evidence_id = await read(seller, paper(goods()))
    body = {"caseId": "cas_1", "lineNo": 1, "units": 3}
    await seller.posted(f"/api/evidence/{evidence_id}/matches", body, status=201)
    seller.integrations.papers[pdf("Invoice 4711")] = paper(goods(quantity=2))
    await seller.posted(f"/api/evidence/{evidence_id}/read", status=202)
    await seller.work()
    detail = await seller.got(f"/api/evidence/{evidence_id}")
    assert "fewer units" in detail["readingNote"]
    assert detail["lines"] == [{"lineNo": 1, "units": 3, "usedUnits": 3}]
    assert (await values_of(seller, evidence_id))[1, "quantity"] == "3"


async def test_what_a_machine_misreads_is_no_error(seller: Seller) -> None:
    strange = goods(quantity=0, fnsku="two words", sku="x" * 301, unit_cost_minor=-5)
    evidence_id = await read(seller, paper(strange))
    values = await values_of(seller, evidence_id)
    assert {name for line, name in values if line == 1} == {"description"}


async def test_a_quotation_proves_no_cost_and_a_kind_that_was_said_stays(seller: Seller) -> None:
    quoted = await read(seller, paper(goods(), kind="quotation"), pdf("a quotation"))
    detail = await seller.got(f"/api/evidence/{quoted}")
    assert (detail["kind"], detail["readingNote"]) == (
        "other",
        "it reads like a quotation, which proves no cost",
    )
    seller.integrations.papers[pdf("a list")] = paper(kind="invoice")
    said = await seller.uploaded(pdf("a list"), kind="packing_list")
    await seller.work()
    assert (await seller.got(f"/api/evidence/{said}"))["kind"] == "packing_list"


async def test_a_paper_names_its_shipment_if_it_names_one(seller: Seller) -> None:
    case = seller_case(claim_type="inbound_shortage", reference_id="FBA15ABC", fnsku="other")
    seller.integrations.cases["usr_a"] = [case]
    packing = paper(kind="packing_list", shipments=["FBA15ABC"])
    await read(seller, packing)
    [match] = (await seller.got("/api/evidence/matches"))["items"]
    assert match["reasons"] == ["the document names shipment FBA15ABC"]
    two = await read(seller, paper(shipments=["FBA15ABC", "FBA15ABD"]), pdf("two shipments"))
    assert (0, "shipment_id") not in await values_of(seller, two)


async def test_a_file_larger_than_is_read_asks_for_typing_and_is_not_sent(seller: Seller) -> None:
    content = pdf()
    large = content[:20] + bytes(LARGEST_PAPER_BYTES) + content[20:]
    evidence_id = await seller.uploaded(large)
    await seller.work()
    detail = await seller.got(f"/api/evidence/{evidence_id}")
    assert detail["reading"] == "needs_typing"
    assert "too large" in detail["readingNote"]


async def test_a_paper_that_cannot_be_read_says_why(seller: Seller) -> None:
    seller.integrations.unparsed = [problem(422, "broken")]
    evidence_id = await seller.uploaded()
    await seller.work()
    detail = await seller.got(f"/api/evidence/{evidence_id}")
    assert (detail["reading"], detail["readingNote"]) == ("unreadable", "no: broken")


async def test_a_seller_waits_an_hour_for_a_program_and_no_longer(seller: Seller) -> None:
    evidence_id = await seller.uploaded()
    seller.integrations.unparsed = [problem(503, "down") for _ in range(30)]
    for expected in ["waiting"] * 6 + ["needs_typing"]:
        await seller.work()
        assert (await seller.got(f"/api/evidence/{evidence_id}"))["reading"] == expected


async def test_a_document_deleted_while_it_waits_is_forgotten(seller: Seller) -> None:
    evidence_id = await seller.uploaded()
    await seller.http.delete(f"/api/evidence/{evidence_id}")
    await seller.work()
    rows = await seller.execute("SELECT kind, status FROM outbox WHERE status <> 'done'")
    assert rows == []
