"""Bind a packet into one PDF, in a process of its own that may take little memory and time.

    python -I -m main_api.filings.bind_packet OUT.pdf < spec.json

Strangers wrote the documents: this process has no settings and no secrets, and ends when it wants more
than its share. Of a PDF only pages are taken; scripts, forms, links and embedded files stay behind.
It says which document it is at before it opens it, so that one that ends the process is known.
"""

import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from PIL import Image
from pypdf import PdfReader, PdfWriter

from main_api.filings.packet_pages import first_pages, image_page, register_font, text_pages
from main_api.filings.packet_spec import AT, BoundDocument, PacketSpec

MEMORY_BYTES = 1024 * 1024 * 1024
CPU_SECONDS = 12
LARGEST_PDF_BYTES = 200 * 1024 * 1024
MOST_PAGES = 300
"""Of all documents together; Amazon's desk reads far fewer."""
MOST_PIXELS = 60_000_000
_STAYS_BEHIND = ("/Annots", "/AA", "/B", "/Metadata", "/PieceInfo", "/StructParents", "/Thumb")


class NotBound(Exception):
    """A document cannot be bound; the text says why."""


def main() -> None:
    """Bind; answers on standard output what was left out."""
    _limit()
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    sys.setrecursionlimit(2_000)
    spec = PacketSpec.from_json(sys.stdin.read())
    Path(sys.argv[1]).write_bytes(bind(spec, say=_say))


def bind(spec: PacketSpec, *, say: Callable[[str], None]) -> bytes:
    """The whole file. What cannot be bound is named on the first pages instead."""
    register_font()
    evidence, bound, counts = PdfWriter(), [], []
    left_out = list(spec.left_out)
    for place, document in enumerate(spec.documents):
        say(f"{AT} {place}")
        try:
            pages = _pages_of(document, room=MOST_PAGES - len(evidence.pages))
        except NotBound as why:
            left_out.append((document.title, str(why)))
        except Exception:  # noqa: BLE001 - whatever a stranger's file makes a reader raise
            left_out.append((document.title, "it is broken"))
        else:
            for page in pages:
                evidence.append(page)
            bound.append(document)
            counts.append(len(pages))
    front = replace(spec, documents=tuple(bound), left_out=tuple(left_out))
    return _joined(front, counts, evidence)


def _pages_of(document: BoundDocument, *, room: int) -> list[BytesIO]:
    reader = _opened(document)
    count = len(reader.pages)
    if count > room:
        raise NotBound(f"a packet has at most {MOST_PAGES} pages of evidence")
    return [_bare(reader, number) for number in range(count)]


def _bare(reader: PdfReader, number: int) -> BytesIO:
    """One page as a file of its own: what breaks while it is copied breaks before anything is bound."""
    single = PdfWriter()
    single.add_page(reader.pages[number], excluded_keys=_STAYS_BEHIND)
    target = BytesIO()
    single.write(target)
    target.seek(0)
    return target


def _joined(front: PacketSpec, pages: list[int], evidence: PdfWriter) -> bytes:
    packet = PdfWriter()
    packet.append(BytesIO(first_pages(front, pages)), import_outline=False)
    packet.add_outline_item(title="Claim", page_number=0)
    begins = len(packet.pages)
    for page in evidence.pages:
        packet.add_page(page)
    for document, count in zip(front.documents, pages, strict=True):
        packet.add_outline_item(title=document.title, page_number=begins)
        begins += count
    packet.add_metadata({"/Title": front.title, "/Producer": "Opside"})
    target = BytesIO()
    packet.write(target)
    return target.getvalue()


def _opened(document: BoundDocument) -> PdfReader:
    make = _MAKERS.get(document.media_type)
    if make is not None:
        return PdfReader(BytesIO(make(document)))
    reader = PdfReader(document.path)
    if reader.is_encrypted and not reader.decrypt(""):
        raise NotBound("it is locked with a password")
    if not reader.pages:
        raise NotBound("it has no pages")
    return reader


_MAKERS: Mapping[str, Callable[[BoundDocument], bytes]] = {
    "image/png": image_page,
    "image/jpeg": image_page,
    "text/plain": text_pages,
}


def _say(line: str) -> None:
    sys.stdout.write(line.replace("\n", " ") + "\n")
    sys.stdout.flush()


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_PDF_BYTES, LARGEST_PDF_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
