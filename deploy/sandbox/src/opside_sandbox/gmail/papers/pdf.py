"""PDF 1.4 by hand: text in Helvetica on A4 pages, which any reader can open and search."""

import zlib
from dataclasses import dataclass
from datetime import datetime

_WIDTH, _HEIGHT, MARGIN = 595, 842, 50
_BOTTOM = 60
_LEADING = 1.45


@dataclass(frozen=True, slots=True)
class Words:
    """A run of text whose left end stands at (x, y); points from the lower left corner."""

    x: float
    y: float
    size: float
    text: str
    bold: bool = False


class Sheet:
    """Writes from the top down and begins a new page where one is full."""

    def __init__(self) -> None:
        self.pages: list[list[Words]] = [[]]
        self._y: float = _HEIGHT - MARGIN

    def line(self, text: str = "", *, size: float = 10, bold: bool = False) -> None:
        """One line; an empty one leaves a gap."""
        self.row([(MARGIN, text)], size=size, bold=bold)

    def row(self, cells: list[tuple[float, str]], *, size: float = 9, bold: bool = False) -> None:
        """Cells of one line, each at its own x."""
        self._y -= size * _LEADING
        if self._y < _BOTTOM:
            self.pages.append([])
            self._y = _HEIGHT - MARGIN - size * _LEADING
        self.pages[-1] += [Words(x, self._y, size, text, bold) for x, text in cells if text]


def pdf(sheet: Sheet, *, title: str, author: str, at: datetime, packed: bool = False) -> bytes:
    """The file. `packed` compresses the pages' content, as most programs do."""
    objects = _Objects()
    catalog, pages = objects.reserve(), objects.reserve()
    fonts = [
        objects.add(
            f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>"
        )
        for name in ("Helvetica", "Helvetica-Bold")
    ]
    kids = [_page(objects, pages, fonts, words, packed=packed) for words in sheet.pages]
    told = " ".join(f"{kid} 0 R" for kid in kids)
    objects.fill(catalog, f"<< /Type /Catalog /Pages {pages} 0 R >>")
    objects.fill(pages, f"<< /Type /Pages /Kids [{told}] /Count {len(kids)} >>")
    info = objects.add(
        f"<< /Title {_string(title)} /Author {_string(author)} "
        f"/CreationDate (D:{at:%Y%m%d%H%M%S}Z) >>"
    )
    return objects.file(catalog, info)


def _page(
    objects: "_Objects", parent: int, fonts: list[int], words: list[Words], *, packed: bool
) -> int:
    content = "\n".join(_shown(one) for one in words).encode("latin-1")
    extra = ""
    if packed:
        content, extra = zlib.compress(content, 9), " /Filter /FlateDecode"
    stream = objects.add_bytes(
        f"<< /Length {len(content)}{extra} >>\nstream\n".encode() + content + b"\nendstream"
    )
    return objects.add(
        f"<< /Type /Page /Parent {parent} 0 R /MediaBox [0 0 {_WIDTH} {_HEIGHT}] "
        f"/Resources << /Font << /F1 {fonts[0]} 0 R /F2 {fonts[1]} 0 R >> >> "
        f"/Contents {stream} 0 R >>"
    )


def _shown(words: Words) -> str:
    font = "F2" if words.bold else "F1"
    place = f"1 0 0 1 {words.x:g} {words.y:.2f} Tm"
    return f"BT /{font} {words.size:g} Tf {place} {_string(words.text)} Tj ET"


def _string(text: str) -> str:
    """A literal string; what WinAnsi has no letter for becomes a question mark."""
    letters = text.encode("cp1252", "replace").decode("latin-1")
    for special in ("\\", "(", ")"):
        letters = letters.replace(special, f"\\{special}")
    return f"({letters})"


class _Objects:
    """Numbered objects, and the cross-reference table that says where each begins."""

    def __init__(self) -> None:
        self._bodies: list[bytes] = []

    def reserve(self) -> int:
        return self.add_bytes(b"")

    def add(self, body: str) -> int:
        return self.add_bytes(body.encode("latin-1"))

    def add_bytes(self, body: bytes) -> int:
        self._bodies.append(body)
        return len(self._bodies)

    def fill(self, number: int, body: str) -> None:
        self._bodies[number - 1] = body.encode("latin-1")

    def file(self, root: int, info: int) -> bytes:
        written, places = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
        for number, body in enumerate(self._bodies, 1):
            places.append(len(written))
            written += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
        count = len(places) + 1
        table = "".join(f"{place:010d} 00000 n \n" for place in places)
        trailer = f"<< /Size {count} /Root {root} 0 R /Info {info} 0 R >>"
        end = f"xref\n0 {count}\n0000000000 65535 f \n{table}trailer\n{trailer}\n"
        return written + f"{end}startxref\n{len(written)}\n%%EOF\n".encode()
