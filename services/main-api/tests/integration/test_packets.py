"""A packet is one PDF that opens everywhere and holds nothing but pages, or a ZIP with everything."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.integrations_fake import seller_case
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import Link
from pypdf.generic import DictionaryObject, NameObject, TextStringObject
from seller import Seller, pdf

from main_api.archive import EvidenceArchive
from main_api.filings import packet as packets
from main_api.filings.errors import PacketNotBound
from main_api.filings.packet_spec import BoundDocument, PacketSpec
from opside_chassis.errors import Unavailable

_RUNS = TextStringObject("app.alert('run');")


def photo(side: int = 40, kind: str = "PNG") -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (side, side), (200, 10, 10)).save(content, kind)
    return content.getvalue()


def armed() -> bytes:
    """A PDF with a script that runs when it is opened, a link, and a file inside."""
    writer = PdfWriter()
    writer.append(io.BytesIO(pdf("Supplier Acme")))
    script = {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): _RUNS}
    action = writer._add_object(DictionaryObject(script))
    writer.root_object[NameObject("/OpenAction")] = action
    writer.pages[0][NameObject("/AA")] = DictionaryObject({NameObject("/O"): action})
    writer.add_attachment("evil.exe", b"MZ")
    writer.add_annotation(0, Link(rect=(0, 0, 99, 99), url="https://evil.test"))
    content = io.BytesIO()
    writer.write(content)
    return content.getvalue()


def locked() -> bytes:
    writer = PdfWriter()
    writer.append(io.BytesIO(pdf("secret")))
    writer.encrypt("password", algorithm="AES-256")
    content = io.BytesIO()
    writer.write(content)
    return content.getvalue()


def broken() -> bytes:
    return pdf("broken")[:300] + b"\n%%EOF"


def bomb() -> bytes:
    """A page whose list of pages is one of a few hundred million."""
    good = pdf("bomb")
    return good.replace(b"/Count 1", b"/Count 400000000")


def looping() -> bytes:
    """A tree of pages in which a branch is its own parent."""
    return (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[2 0 R 2 0 R 2 0 R]/Count 9>>endobj\n"
        b"trailer<</Root 1 0 R/Size 3>>\nstartxref\n0\n%%EOF"
    )


async def packet_of(seller: Seller, *documents: tuple[str, bytes]) -> str:
    """The id of a filing with these documents."""
    seller.integrations.cases["usr_a"] = [seller_case()]
    filing = await seller.posted("/api/filings", {"caseId": "cas_1"}, status=201)
    for name, content in documents:
        evidence_id = await seller.uploaded(content, name=name, kind="invoice")
        await seller.posted(f"/api/evidence/{evidence_id}/matches", {"caseId": "cas_1"}, status=201)
    return filing["filingId"]


async def read_pdf(seller: Seller, filing_id: str) -> PdfReader:
    answer = await seller.http.get(f"/api/filings/{filing_id}/packet.pdf")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == 'attachment; filename="opside-cas_1.pdf"'
    return PdfReader(io.BytesIO(answer.content), strict=True)


def text_of(reader: PdfReader) -> str:
    return "\n".join(page.extract_text() for page in reader.pages)


async def test_the_pdf_holds_claim_sheet_and_every_page_of_the_evidence(seller: Seller) -> None:
    filing_id = await packet_of(
        seller,
        ("invoice.pdf", pdf("Invoice 4711 of Acme", pages=3)),
        ("photo.png", photo()),
        ("photo.jpg", photo(kind="JPEG")),
        ("letter.txt", b"Dear seller,\n\twe shipped 12 units."),
    )
    reader = await read_pdf(seller, filing_id)
    text = text_of(reader)
    assert "2 units of X001 / SKU-1 were lost" in " ".join(text.split())
    for expected in ("Field sheet", "PHX3", "1. invoice.pdf, 3 pages", "3. photo.jpg, 1 page"):
        assert expected in text
    assert text.count("Invoice 4711 of Acme") == 3
    assert "we shipped 12 units." in text
    assert [one.title for one in reader.outline] == [
        "Claim",
        "invoice.pdf",
        "photo.png",
        "photo.jpg",
        "letter.txt",
    ]
    assert sum(len(page.images) for page in reader.pages) == 2


async def test_only_pages_are_taken_from_a_strangers_pdf(seller: Seller) -> None:
    filing_id = await packet_of(seller, ("armed.pdf", armed()))
    answer = await seller.http.get(f"/api/filings/{filing_id}/packet.pdf")
    reader = PdfReader(io.BytesIO(answer.content))
    assert "Supplier Acme" in text_of(reader)
    assert "/OpenAction" not in reader.trailer["/Root"]
    assert not reader.attachments
    assert all("/Annots" not in page for page in reader.pages)
    for mark in (b"app.alert", b"evil", b"/JavaScript", b"/EmbeddedFile"):
        assert mark not in answer.content


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (locked, "it is locked with a password"),
        (broken, "it is broken"),
        (bomb, None),
        (looping, None),
        (lambda: pdf("page", pages=301), "at most 300 pages"),
    ],
)
async def test_a_document_that_cannot_be_bound_is_named_and_in_the_zip(
    seller: Seller, make: Callable[[], bytes], why: str | None
) -> None:
    content = make()
    filing_id = await packet_of(seller, ("good.pdf", pdf("Good paper")), ("bad.pdf", content))
    reader = await read_pdf(seller, filing_id)
    text = " ".join(text_of(reader).split())
    assert "Good paper" in text
    if why is not None:
        assert "Evidence that is only in the ZIP file" in text
        assert f"bad.pdf: {why}" in text.replace("a packet has ", "")
    zipped = await seller.http.get(f"/api/filings/{filing_id}/packet.zip")
    with zipfile.ZipFile(io.BytesIO(zipped.content)) as archive:
        assert archive.read("evidence/02 bad.pdf") == content


async def test_a_photo_is_bound_upright_small_and_without_where_it_was_taken(
    seller: Seller,
) -> None:
    content = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter
    exif[0x010E] = "taken at home"
    Image.new("RGB", (6_000, 3_000), "red").save(content, "JPEG", exif=exif)
    filing_id = await packet_of(seller, ("photo.jpg", content.getvalue()))
    answer = await seller.http.get(f"/api/filings/{filing_id}/packet.pdf")
    [picture] = PdfReader(io.BytesIO(answer.content)).pages[-1].images
    assert picture.image.size == (1_200, 2_400)
    assert b"taken at home" not in answer.content
    assert len(answer.content) < 200_000


async def test_the_largest_picture_is_bound(seller: Seller) -> None:
    content = io.BytesIO()
    Image.new("RGBA", (7_700, 7_700)).save(content, "PNG", compress_level=1)
    filing_id = await packet_of(seller, ("large.png", content.getvalue()))
    reader = await read_pdf(seller, filing_id)
    assert len(reader.pages[-1].images) == 1


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


MORTAL = """
import json, os, sys
spec = json.load(sys.stdin)
for place, one in enumerate(spec["documents"]):
    print("at", place, flush=True)
    if one["title"].startswith("deadly"):
        os.abort()
titles = [one["title"] for one in spec["documents"]]
open(sys.argv[1], "w").write(json.dumps([titles, spec["left_out"]]))
"""


def packet_named(*titles: str) -> packets.Packet:
    documents = tuple(BoundDocument("unused", one, "application/pdf", "0" * 64) for one in titles)
    return packets.Packet("packet", PacketSpec("Claim", "text", (), documents), ())


async def test_documents_that_end_the_binder_are_left_out_one_by_one(tmp_path: Path) -> None:
    archive = EvidenceArchive.open(str(tmp_path))
    packet = packet_named("deadly 1", "good", "deadly 2")
    place = await packets.bound_pdf(archive, packet, user_id="usr_a", binder=("-c", MORTAL))
    bound, left_out = json.loads(place.read_text())
    assert bound == ["good"]
    assert [title for title, _ in left_out] == ["deadly 1", "deadly 2"]


async def test_a_packet_of_too_many_deadly_documents_is_only_a_zip(tmp_path: Path) -> None:
    archive = EvidenceArchive.open(str(tmp_path))
    packet = packet_named(*(f"deadly {number}" for number in range(5)))
    with pytest.raises(PacketNotBound):
        await packets.bound_pdf(archive, packet, user_id="usr_a", binder=("-c", MORTAL))
    with pytest.raises(Unavailable):
        await packets.bound_pdf(archive, packet, user_id="usr_a", binder=("-c", "1/0"))
    assert files_in(tmp_path) == []


async def test_the_zip_holds_everything_as_received_with_checksums(seller: Seller) -> None:
    one, two = pdf("one"), pdf("two")
    filing_id = await packet_of(seller, ("same.pdf", one), ("same.pdf", two))
    answer = await seller.http.get(f"/api/filings/{filing_id}/packet.zip")
    assert answer.headers["content-disposition"] == 'attachment; filename="opside-cas_1.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = ["evidence/01 same.pdf", "evidence/02 same.pdf"]
        assert sorted(archive.namelist()) == sorted(
            ["claim.txt", "field-sheet.csv", "checksums.sha256", *names]
        )
        assert [archive.read(name) for name in names] == [one, two]
        sums = dict(
            reversed(line.split("  ", 1))
            for line in archive.read("checksums.sha256").decode().splitlines()
        )
        assert sums == {name: hashlib.sha256(archive.read(name)).hexdigest() for name in names}
        assert b"Please reimburse" in archive.read("claim.txt")
        assert b"Quantity,2" in archive.read("field-sheet.csv")
    again = await seller.http.get(f"/api/filings/{filing_id}/packet.zip")
    assert again.content == answer.content
    incoming = seller.door.evidence.root / "incoming"
    assert list(incoming.iterdir()) == []


async def test_no_packet_keeps_pages_of_a_document_that_was_deleted(seller: Seller) -> None:
    filing_id = await packet_of(seller, ("private.pdf", pdf("a private matter")))
    assert "a private matter" in text_of(await read_pdf(seller, filing_id))
    [document] = (await seller.got("/api/evidence"))["items"]
    answer = await seller.http.delete(f"/api/evidence/{document['evidenceId']}")
    assert answer.status_code == 204
    await seller.work()
    kept = [one for one in seller.door.evidence.root.rglob("*") if one.is_file()]
    assert kept == []
    assert "a private matter" not in text_of(await read_pdf(seller, filing_id))


async def test_a_document_that_goes_away_meanwhile_is_said(seller: Seller) -> None:
    filing_id = await packet_of(seller, ("gone.pdf", pdf("gone")))
    [document] = (await seller.got("/api/evidence"))["items"]
    seller.door.evidence.remove(user_id=seller.user_id, sha256=document["sha256"])
    answer = await seller.http.get(f"/api/filings/{filing_id}/packet.zip")
    assert (answer.status_code, answer.json()["code"]) == (409, "packet_changed")
    assert list((seller.door.evidence.root / "incoming").iterdir()) == []


async def test_what_a_report_says_is_no_formula_and_no_mark_up(seller: Seller) -> None:
    hostile: dict[str, Any] = {"note": "=HYPERLINK(1)", "b": "<b>bold & <script>", "日本": "東京"}
    seller.integrations.cases["usr_a"] = [seller_case(explanation=hostile)]
    filing = await seller.posted("/api/filings", {"caseId": "cas_1"}, status=201)
    zipped = await seller.http.get(f"/api/filings/{filing['filingId']}/packet.zip")
    with zipfile.ZipFile(io.BytesIO(zipped.content)) as archive:
        sheet = archive.read("field-sheet.csv").decode()
    assert "Note,'=HYPERLINK(1)" in sheet
    text = text_of(await read_pdf(seller, filing["filingId"]))
    assert "<b>bold & <script>" in text
    assert "[U+6771][U+4EAC]" in text


async def test_a_packet_that_is_ready_stays_as_it_is(seller: Seller) -> None:
    filing_id = await packet_of(seller, ("one.pdf", pdf("one")))
    await seller.posted(f"/api/filings/{filing_id}/move", {"to": "ready"})
    before = await seller.http.get(f"/api/filings/{filing_id}/packet.pdf")
    later = await seller.uploaded(pdf("later"))
    await seller.posted(f"/api/evidence/{later}/matches", {"caseId": "cas_1"}, status=201)
    after = await seller.http.get(f"/api/filings/{filing_id}/packet.pdf")
    assert after.content == before.content
    await seller.posted(f"/api/filings/{filing_id}/move", {"to": "drafted"})
    draft = await read_pdf(seller, filing_id)
    assert "later" in text_of(draft)


async def test_a_packet_has_a_limit(seller: Seller) -> None:
    papers = [(f"{number}.pdf", pdf(f"paper {number}")) for number in range(31)]
    filing_id = await packet_of(seller, *papers)
    refused = await seller.posted(f"/api/filings/{filing_id}/move", {"to": "ready"}, status=409)
    assert refused["code"] == "packet_too_large"


def test_the_binder_is_given_nothing_but_its_packet() -> None:
    assert packets.BINDER[0] == "-I"
