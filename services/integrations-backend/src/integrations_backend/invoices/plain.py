"""Papers without pages: CSV, plain text and HTML, as lines of cells."""

import csv
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from integrations_backend.invoices.errors import Unreadable
from integrations_backend.invoices.media import Media
from integrations_backend.invoices.page_text import DocumentText, text_lines

LARGEST_BYTES = 2 * 1024 * 1024
MOST_LINES = 5_000
LONGEST_CELL = 500
COLUMN_WIDTH = 600
"""Cells of a CSV or HTML table are laid out this far apart, so that no text reaches the next."""
_GAP = re.compile(r"\s{2,}|\t|\s*\|\s*")
_BLOCKS = frozenset(["p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table"])
_UNSEEN = frozenset(["script", "style", "head", "template", "noscript"])

Row = list[tuple[float, str]]


def plain_text(content: Path, media: Media) -> DocumentText:
    """Its lines; raises `Unreadable` for what is too large to be a paper."""
    if content.stat().st_size > LARGEST_BYTES:
        raise Unreadable("the file is too large for an invoice")
    text = _decoded(content.read_bytes())
    rows = {Media.CSV: _csv, Media.HTML: _html}.get(media, _text)(text)
    kept = [row for row, _ in zip(rows, range(MOST_LINES), strict=False)]
    return DocumentText(text_lines(kept), cut=len(kept) == MOST_LINES)


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _csv(text: str) -> Iterator[Row]:
    """As its delimiter says: the one that most lines have most of."""
    delimiter = max(";\t,", key=lambda mark: sum(mark in line for line in text.splitlines()[:50]))
    try:
        for cells in csv.reader(text.splitlines(), delimiter=delimiter):
            yield _laid_out(cells)
    except csv.Error as error:
        raise Unreadable("the CSV file is broken") from error


def _laid_out(cells: list[str]) -> Row:
    return [
        (float(place * COLUMN_WIDTH), cleaned)
        for place, cell in enumerate(cells)
        if (cleaned := _cleaned(cell))
    ]


def _text(text: str) -> Iterator[Row]:
    """Two spaces, a tab or a bar divide cells."""
    for line in text.splitlines():
        row: Row = []
        at = 0
        for gap in [*_GAP.finditer(line), None]:
            end = gap.start() if gap else len(line)
            if cell := _cleaned(line[at:end]):
                row.append((float(at), cell))
            at = gap.end() if gap else end
        yield row


def _cleaned(cell: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in cell).split())[
        :LONGEST_CELL
    ]


def _html(text: str) -> Iterator[Row]:
    """What a person sees of it; nothing is fetched, nothing is run."""
    page = _Page()
    page.feed(text)
    page.close()
    page.end_line()
    yield from (_laid_out(cells) for cells in page.rows)


class _Page(HTMLParser):
    """Cells of tables and lines of text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[str]] = []
        self._cells: list[str] = [""]
        self._unseen = 0

    def end_line(self) -> None:
        if any(cell.strip() for cell in self._cells) and len(self.rows) < MOST_LINES:
            self.rows.append(self._cells)
        self._cells = [""]

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - no attribute counts
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag in {"td", "th"}:
            if self._cells != [""]:
                self._cells.append("")
        elif tag in _BLOCKS:
            self.end_line()

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in _BLOCKS:
            self.end_line()

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._cells[-1] += data
