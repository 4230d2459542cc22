"""The priced table of an invoice: what was bought, how many, at what unit cost."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from integrations_backend.invoices.amounts import Style, amount, looks_like_a_number
from integrations_backend.invoices.page_text import Line, Place, Word
from integrations_backend.invoices.vocabulary import (
    ADDED,
    SUBTOTAL,
    TOTAL,
    Column,
    column_of,
    folded,
)

MOST_ROWS = 500
NEEDED = {Column.QUANTITY, Column.UNIT_COST}
NUMBERS = (Column.QUANTITY, Column.UNIT_COST, Column.AMOUNT)
CODES = (Column.SKU, Column.FNSKU, Column.ASIN)
NEAR = 8.0
"""A number stands under its heading when an edge or the middle of both are this near, in points."""
INDENT = 3.0
_ASIN = re.compile(r"^B0[A-Z0-9]{8}$")
_FNSKU = re.compile(r"^X0[A-Z0-9]{8}$")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of goods, its numbers as they are written."""

    sku: str
    fnsku: str
    asin: str
    description: str
    numbers: dict[Column, Word]
    line: Line

    def value(self, column: Column, style: Style) -> Decimal | None:
        """The number of a column."""
        word = self.numbers.get(column)
        return None if word is None else amount(word.text, style)

    def place(self, column: Column) -> Place | None:
        """Where that number stands."""
        word = self.numbers.get(column)
        return None if word is None else self.line.place(word)


@dataclass(frozen=True, slots=True)
class Table:
    """The rows, and the lines after the heading that look like goods and could not be read."""

    heading: Line
    rows: tuple[Row, ...]
    unread: tuple[Line, ...]
    end: int
    """Index of the first line below it."""


def find_table(lines: Sequence[Line]) -> Table | None:
    """The first table whose heading names at least a quantity and a unit price."""
    for index, line in enumerate(lines):
        columns = _columns(line)
        if columns.keys() >= NEEDED:
            return _read(lines, index, columns)
    return None


def _columns(line: Line) -> dict[Column, Word]:
    found: dict[Column, Word] = {}
    for cell in line.cells:
        column = column_of(cell.text)
        if column is not None and column not in found:
            found[column] = cell
    return found


def _read(lines: Sequence[Line], start: int, columns: dict[Column, Word]) -> Table:
    rows: list[Row] = []
    unread: list[Line] = []
    end = len(lines)
    for index in range(start + 1, len(lines)):
        line = lines[index]
        if _is_end(line):
            end = index
            break
        if _columns(line).keys() >= NEEDED:
            continue  # the heading again, on a new page
        row = _row(line, columns)
        if row.numbers.keys() >= NEEDED:
            rows.append(row)
        elif row.numbers and (row.sku or row.fnsku or row.asin):
            unread.append(line)
        if len(rows) >= MOST_ROWS:
            unread += lines[index + 1 : index + 2]
            break
    return Table(lines[start], tuple(rows), tuple(unread), end)


def _is_end(line: Line) -> bool:
    text = folded(line.text)
    ends = TOTAL.match(text) or SUBTOTAL.match(text) or ADDED.match(text)
    return bool(ends) and any(looks_like_a_number(word.text) for word in line.words)


def _row(line: Line, columns: dict[Column, Word]) -> Row:
    numbers = _numbers(line, columns)
    taken = set(map(id, numbers.values()))
    texts = {column: word for column, word in columns.items() if column not in NUMBERS}
    held: dict[Column, list[str]] = {column: [] for column in texts}
    for word in line.words:
        if id(word) in taken:
            continue
        column = _text_column(word, texts)
        if column is not None:
            held[column].append(word.text)
    codes = {column: "".join(held.get(column, [])) for column in CODES}
    # What suppliers put under "Item" or "SKU" may be one of Amazon's own codes.
    for code in [codes[Column.SKU]]:
        if _ASIN.match(code):
            codes |= {Column.ASIN: codes[Column.ASIN] or code, Column.SKU: ""}
        elif _FNSKU.match(code):
            codes |= {Column.FNSKU: codes[Column.FNSKU] or code, Column.SKU: ""}
    return Row(
        sku=codes[Column.SKU],
        fnsku=codes[Column.FNSKU],
        asin=codes[Column.ASIN],
        description=" ".join(held.get(Column.DESCRIPTION, []))[:300],
        numbers=numbers,
        line=line,
    )


def _numbers(line: Line, columns: dict[Column, Word]) -> dict[Column, Word]:
    """Under each heading the nearest number, each number under one heading."""
    near = sorted(
        (_distance(word, columns[column]), index, column)
        for index, word in enumerate(line.words)
        if looks_like_a_number(word.text)
        for column in NUMBERS
        if column in columns and _distance(word, columns[column]) <= NEAR
    )
    found: dict[Column, Word] = {}
    used: set[int] = set()
    for _, index, column in near:
        if column not in found and index not in used:
            found[column] = line.words[index]
            used.add(index)
    return found


def _distance(word: Word, heading: Word) -> float:
    middle = abs((word.x0 + word.x1) - (heading.x0 + heading.x1)) / 2
    return min(abs(word.x0 - heading.x0), abs(word.x1 - heading.x1), middle)


def _text_column(word: Word, texts: dict[Column, Word]) -> Column | None:
    """The last text heading that begins at or before the word."""
    begun = [(head.x0, column) for column, head in texts.items() if head.x0 - INDENT <= word.x0]
    return max(begun)[1] if begun else None
