"""A reader of PDF files that shares no code with the writer: cross-reference table, streams, text."""

import re
import zlib
from dataclasses import dataclass

_TEXT = re.compile(
    rb"1 0 0 1 (?P<x>[\d.]+) (?P<y>[\d.]+) Tm \((?P<text>(?:\\.|[^\\()])*)\) Tj", re.DOTALL
)


@dataclass
class Page:
    """Rows from the top down; a row is its cells from left to right."""

    rows: list[list[str]]


def objects(data: bytes) -> dict[int, bytes]:
    """Every object by number, found through the cross-reference table alone."""
    assert data.startswith(b"%PDF-1.4\n")
    assert data.endswith(b"%%EOF\n")
    start = int(re.search(rb"startxref\n(\d+)\n%%EOF\n$", data)[1])
    head, count = re.match(rb"(xref\n0 (\d+)\n)", data[start:]).groups()
    table = data[start + len(head) :]
    found = {}
    for number in range(1, int(count)):
        entry = table[20 * number : 20 * number + 20]
        assert entry.endswith(b" 00000 n \n"), entry
        place = int(entry[:10])
        mark = f"{number} 0 obj\n".encode()
        assert data[place:].startswith(mark)
        found[number] = data[place + len(mark) : data.index(b"\nendobj\n", place)]
    return found


def _stream(body: bytes) -> bytes:
    length = int(re.search(rb"/Length (\d+)", body)[1])
    start = body.index(b"stream\n") + len(b"stream\n")
    content = body[start : start + length]
    assert body[start + length :] == b"\nendstream"
    return zlib.decompress(content) if b"/FlateDecode" in body[:start] else content


def pages(data: bytes) -> list[Page]:
    """The text of the file."""
    known = objects(data)
    tree = next(body for body in known.values() if b"/Type /Pages" in body)
    kids = re.search(rb"/Kids \[(.*?)\]", tree)[1]
    numbers = [int(one) for one in re.findall(rb"(\d+) 0 R", kids)]
    contents = (int(re.search(rb"/Contents (\d+) 0 R", known[one])[1]) for one in numbers)
    return [Page(_rows(_stream(known[one]))) for one in contents]


def rows(data: bytes) -> list[list[str]]:
    """Of all pages."""
    return [row for page in pages(data) for row in page.rows]


def _rows(content: bytes) -> list[list[str]]:
    by_height: dict[float, list[tuple[float, str]]] = {}
    for found in _TEXT.finditer(content):
        text = re.sub(rb"\\(.)", rb"\1", found["text"]).decode("cp1252")
        by_height.setdefault(float(found["y"]), []).append((float(found["x"]), text))
    return [[text for _, text in sorted(by_height[y])] for y in sorted(by_height, reverse=True)]
