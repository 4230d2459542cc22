"""Invoices as texts and as PDF files, written here so that a test can change one thing of them."""

import zlib
from collections.abc import Sequence
from pathlib import Path

from service import ADA, Service

from integrations_backend.invoices.keep import Origin, Papers
from integrations_backend.invoices.reading import Came
from opside_chassis.clock import utc_now

Cells = Sequence[tuple[float, str]]

HEADING = [
    (50.0, "SKU"),
    (150.0, "Description"),
    (400.0, "Qty"),
    (440.0, "Unit price"),
    (500.0, "Amount"),
]


def invoice_lines(
    rows: Sequence[tuple[str, str, str, str]] = (("SKU-1", "10", "2.50", "25.00"),),
    *,
    title: str = "INVOICE",
    number: str = "Invoice number: NB-2026-7",
    dated: str = "Invoice date: 2026-03-04",
    currency: str = "Currency: USD",
    total: str = "Total USD 25.00",
    below: Sequence[str] = (),
    supplier: str = "Northbeam Trading Ltd",
) -> list[tuple[Cells, float]]:
    """(cells, size) of each line, from the top down."""
    lines: list[tuple[Cells, float]] = [([(50.0, supplier)], 14.0), ([(50.0, title)], 18.0)]
    lines += [([(50.0, text)], 10.0) for text in (number, dated, currency) if text]
    lines.append((HEADING, 9.0))
    for sku, quantity, unit, amount in rows:
        cells = [(50.0, sku), (150.0, "Mug"), (400.0, quantity), (440.0, unit), (500.0, amount)]
        lines.append((cells, 9.0))
    lines += [([(50.0, text)], 10.0) for text in (total, *below) if text]
    return lines


def pdf(lines: Sequence[tuple[Cells, float]], *, packed: bool = False, extra: bytes = b"") -> bytes:
    """A PDF of one page with these words at these places."""
    y, shown = 780.0, []
    for cells, size in lines:
        y -= size * 1.5
        for x, text in cells:
            letters = text.encode("cp1252", "replace").decode("latin-1")
            letters = letters.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
            shown.append(f"BT /F1 {size:g} Tf 1 0 0 1 {x:g} {y:g} Tm ({letters}) Tj ET")
    return pdf_of(("\n".join(shown)).encode("latin-1"), packed=packed, extra=extra)


def pdf_of(content: bytes, *, packed: bool = False, extra: bytes = b"") -> bytes:
    """A PDF whose one page holds this content; `extra` goes into the catalogue."""
    kind = b""
    if packed:
        content, kind = zlib.compress(content, 9), b" /Filter /FlateDecode"
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R " + extra + b" >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842]"
        b" /Resources << /Font << /F1 5 0 R >> >> /Contents 4 0 R >>",
        b"<< /Length %d%s >>\nstream\n" % (len(content), kind) + content + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    written, places = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(written))
        written += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(bodies) + 1
    return written + (
        b"xref\n0 %d\n0000000000 65535 f \n" % count
        + table
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, len(written))
    )


def stored(folder: Path, content: bytes, name: str = "paper") -> Path:
    """The content as a file."""
    path = folder / name
    path.write_bytes(content)
    return path


async def came(
    service: Service,
    folder: Path,
    content: bytes,
    *,
    user_id: str = ADA,
    part: str = "1",
    number: str = "NB-2026-7",
) -> None:
    """A file comes by mail, named after the number of its invoice."""
    now = utc_now()
    origin = Origin(
        user_id=user_id,
        account_id="ada@mail.example",
        message_id="m1",
        part_id=part,
        received_at=now,
        came=Came(f"{number}.pdf", "billing@northbeam.example", f"Invoice {number}", now.date()),
    )
    papers = Papers(service.sessions, service.runtime.archive)
    await papers.keep(stored(folder, content), origin)
