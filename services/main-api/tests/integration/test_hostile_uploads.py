"""Files that are not what they say, or more than they seem: refused, or kept and never run."""

import io
import struct
import zipfile
import zlib

import pytest
from PIL import Image
from seller import Seller, pdf

from main_api.evidence.content import LARGEST_FILE_BYTES


def _zip() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("evil.sh", "#!/bin/sh\nexit 1\n" * 200)
    return content.getvalue()


def _png(width: int, height: int) -> bytes:
    """A few bytes that claim to be a picture of this size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    body = struct.pack(">I", len(header)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + body


def _jpeg() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (4, 4)).save(content, "JPEG")
    return content.getvalue()


REFUSED = {
    "nothing": b"",
    "blanks": b" \n\n ",
    "a program": b"\x7fELF" + bytes(200),
    "a Windows program": b"MZ" + bytes(200),
    "an archive": _zip(),
    "a page for browsers": b"<!doctype html><script>alert(1)</script>",
    "a page behind a byte order mark": b"\xef\xbb\xbf  <html><script>alert(1)</script>",
    "a picture made of script": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "an animation": b"GIF89a" + bytes(50),
    "text with controls": b"invoice \x00\x01",
    "text of another encoding": "Straße".encode("latin-1"),
    "a PDF that begins later": b"junk\n" + pdf() + bytes([0xFF]),
    "a PDF cut off": pdf()[:200],
    "a PDF and an archive": pdf() + _zip(),
    "a picture and a PDF": b"\x89PNG\r\n\x1a\n" + pdf(),
    "a picture without one": b"\xff\xd8\xff" + b"<script>" * 20,
    "a picture cut off": b"\x89PNG\r\n\x1a\n",
    "long text": b"a" * (1024 * 1024 + 1),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_what_is_no_evidence_is_refused(seller: Seller, what: str) -> None:
    answer = await seller.upload(REFUSED[what], "invoice.pdf")
    assert (answer.status_code, answer.json()["code"]) == (422, "not_evidence"), what
    assert (await seller.got("/api/evidence"))["items"] == []
    assert [path for path in seller.door.evidence.root.rglob("*") if path.is_file()] == []


async def test_a_picture_that_would_fill_the_memory_is_refused(seller: Seller) -> None:
    small_and_wide = io.BytesIO()
    Image.new("1", (10_000, 7_000)).save(small_and_wide, "PNG")
    assert len(small_and_wide.getvalue()) < 100_000
    answer = await seller.upload(small_and_wide.getvalue(), "photo.png")
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")
    answer = await seller.upload(_png(60_000, 60_000), "photo.png")
    assert answer.status_code == 422, answer.text


async def test_a_file_that_is_too_large_is_refused_early_or_late(seller: Seller) -> None:
    content = pdf()
    for size in (LARGEST_FILE_BYTES + 1, LARGEST_FILE_BYTES + 10_000_000):
        answer = await seller.upload(content[:20] + bytes(size - len(content)) + content[20:])
        assert answer.status_code == 413, answer.text
    assert (await seller.got("/api/evidence"))["items"] == []


async def test_a_file_of_the_largest_size_is_kept(seller: Seller) -> None:
    content = pdf()
    filled = content[:20] + bytes(LARGEST_FILE_BYTES - len(content)) + content[20:]
    assert (await seller.upload(filled)).status_code == 201


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd.pdf"),
        ("..\\..\\boot.ini", "boot.ini.pdf"),
        ("/absolute/invoice.pdf", "invoice.pdf"),
        ("invoice.pdf.exe", "invoice.pdf.exe.pdf"),
        ("....", "document.pdf"),
        ("a\u202efdp.exe", "afdp.exe.pdf"),
        ("x" * 500, "x" * 146 + ".pdf"),
    ],
)
async def test_a_name_is_shown_and_never_a_path(seller: Seller, given: str, shown: str) -> None:
    answer = await seller.upload(pdf(), given)
    assert (answer.status_code, answer.json()["fileName"]) == (201, shown)
    root = seller.door.evidence.root
    [kept] = [path for path in root.rglob("*") if path.is_file()]
    assert kept == root / "usr_a" / answer.json()["sha256"][:2] / answer.json()["sha256"]
    assert kept.stat().st_mode & 0o777 == 0o600


async def test_the_name_and_the_said_type_do_not_decide_what_a_file_is(seller: Seller) -> None:
    answer = await seller.upload(_jpeg(), "invoice.pdf", kind="photo")
    view = answer.json()
    assert (view["mediaType"], view["reading"], view["fileName"]) == (
        "image/jpeg",
        "not_read",
        "invoice.pdf.jpg",
    )


async def test_an_upload_without_a_file_or_of_an_unknown_kind_is_refused(seller: Seller) -> None:
    assert (await seller.http.post("/api/evidence", data={"kind": "invoice"})).status_code == 422
    assert (await seller.upload(pdf(), kind="weapon")).status_code == 422
