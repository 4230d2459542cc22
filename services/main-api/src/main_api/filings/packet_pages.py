"""The first pages of a packet: the claim, the field sheet, the list of what follows."""

from collections.abc import Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from xml.sax.saxutils import escape

import reportlab
from PIL import Image, ImageOps
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table

from main_api.filings.packet_spec import BoundDocument, PacketSpec

_FONT = "Vera"
_MARGIN = 20 * mm
_TEXT_LINES_A_PAGE = 60
_TEXT_COLUMNS = 95
MOST_TEXT_PAGES = 20
LARGEST_SIDE = 2_400
"""Pixels of a picture's longer side: 300 dots an inch on the page, and a file that can be sent."""
_BODY = ParagraphStyle("body", fontName=_FONT, fontSize=9.5, leading=13, splitLongWords=1)
_HEAD = ParagraphStyle("head", parent=_BODY, fontSize=13, leading=18, spaceBefore=10, spaceAfter=6)
_SMALL = ParagraphStyle("small", parent=_BODY, fontSize=8, leading=11)


@cache
def _font() -> TTFont:
    """Comes with reportlab and is put into the file, so that text looks alike everywhere."""
    return TTFont(_FONT, str(Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"))


def register_font() -> None:
    """Once a process, before anything is drawn."""
    registerFont(_font())


def first_pages(spec: PacketSpec, pages: Sequence[int]) -> bytes:
    """As a PDF; `pages` says how many pages each bound document has."""
    target = BytesIO()
    document = SimpleDocTemplate(
        target,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=shown(spec.title),
        author="Opside",
        invariant=1,
    )
    story: list[Flowable] = [Paragraph(_safe(spec.title), _HEAD)]
    story += [Paragraph(_safe(line) or "&nbsp;", _BODY) for line in spec.text.splitlines()]
    story += [Paragraph("Field sheet", _HEAD), _sheet(spec.field_sheet)]
    story += _contents(spec, pages)
    document.build(story)
    return target.getvalue()


def _sheet(rows: Sequence[tuple[str, str]]) -> Table:
    cells = [
        [Paragraph(_safe(name), _SMALL), Paragraph(_safe(value), _SMALL)] for name, value in rows
    ]
    return Table(
        cells,
        colWidths=[50 * mm, 120 * mm],
        style=[("GRID", (0, 0), (-1, -1), 0.25, "#999999"), ("VALIGN", (0, 0), (-1, -1), "TOP")],
        hAlign="LEFT",
    )


def _contents(spec: PacketSpec, pages: Sequence[int]) -> list[Flowable]:
    story: list[Flowable] = []
    if spec.documents:
        story.append(Paragraph("Evidence in this file", _HEAD))
    for number, (one, count) in enumerate(zip(spec.documents, pages, strict=True), 1):
        plural = "page" if count == 1 else "pages"
        story.append(Paragraph(f"{number}. {_safe(one.title)}, {count} {plural}", _BODY))
        story.append(Paragraph(f"SHA-256 {one.sha256}", _SMALL))
    if spec.left_out:
        story += [Spacer(1, 6), Paragraph("Evidence that is only in the ZIP file", _HEAD)]
        story += [Paragraph(f"{_safe(n)}: {_safe(why)}", _BODY) for n, why in spec.left_out]
    return story


def image_page(document: BoundDocument) -> bytes:
    """A picture on a page of its own, as large as fits, the right way up, without its hidden data."""
    target = BytesIO()
    canvas = Canvas(target, pagesize=A4, invariant=1)
    with Image.open(document.path, formats=("PNG", "JPEG")) as stored:
        stored.draft("RGB", (LARGEST_SIDE, LARGEST_SIDE))
        upright = ImageOps.exif_transpose(stored)
        upright.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
        picture = ImageReader(_on_white(upright))
    width, height = picture.getSize()
    room_x, room_y = A4[0] - 2 * _MARGIN, A4[1] - 2 * _MARGIN
    scale = min(room_x / width, room_y / height)
    canvas.drawImage(
        picture,
        (A4[0] - width * scale) / 2,
        (A4[1] - height * scale) / 2,
        width * scale,
        height * scale,
    )
    canvas.showPage()
    canvas.save()
    return target.getvalue()


def _on_white(image: Image.Image) -> Image.Image:
    """As it looks on paper, whatever was transparent."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    paper = Image.new("RGB", image.size, "white")
    layer = image.convert("RGBA")
    paper.paste(layer, mask=layer)
    return paper


def text_pages(document: BoundDocument) -> bytes:
    """A plain text, line by line; what is too long is cut, and says so."""
    target = BytesIO()
    canvas = Canvas(target, pagesize=A4, invariant=1)
    text = Path(document.path).read_text(encoding="utf-8-sig")
    lines = [part for line in text.splitlines() for part in _wrapped(line.expandtabs(4))]
    most = MOST_TEXT_PAGES * _TEXT_LINES_A_PAGE
    if len(lines) > most:
        lines = [*lines[: most - 1], "(cut here; the whole text is in the ZIP file)"]
    for start in range(0, max(len(lines), 1), _TEXT_LINES_A_PAGE):
        writing = canvas.beginText(_MARGIN, A4[1] - _MARGIN)
        writing.setFont(_FONT, 8, leading=12)
        for line in lines[start : start + _TEXT_LINES_A_PAGE]:
            writing.textLine(shown(line))
        canvas.drawText(writing)
        canvas.showPage()
    canvas.save()
    return target.getvalue()


def _wrapped(line: str) -> list[str]:
    return [line[at : at + _TEXT_COLUMNS] for at in range(0, max(len(line), 1), _TEXT_COLUMNS)]


def shown(text: str) -> str:
    """Characters that the font does not have are written as their code, never as an empty box."""
    known = _glyphs()
    return "".join(
        char if ord(char) in known else f"[U+{ord(char):04X}]"
        for char in text
        if char.isprintable()
    )


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(_font().face.charToGlyph)


def _safe(text: str) -> str:
    """A paragraph's mark-up is ours alone."""
    return escape(shown(text))
