"""One line of a report file, cell by cell: slow, and the measure of the fast reader.

It says what a line means, or why it means nothing. Quotes may stand unescaped inside a cell.
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from integrations_backend.reports import cells
from integrations_backend.reports.cells import Form
from integrations_backend.reports.kinds import Column, Kind
from integrations_backend.reports.layout import COMMA, Layout

Value = str | int | date | None
Values = dict[str, Value]
_REFERENCE = re.compile(cells.REFERENCE)
_CURRENCY = re.compile(cells.CURRENCY)
_COUNT = re.compile(cells.COUNT)


def read_line(line: str, layout: Layout) -> Values | str | None:
    """The typed values by column, or why there are none; None for an empty line."""
    if not line.strip(cells.BLANKS):
        return None
    given = split(line, layout.separator)
    if len(given) > layout.width:
        return "has more cells than the header"
    given += [""] * (layout.width - len(given))
    if tuple(given) == layout.names:
        return "is the header again"
    return _values(given, layout)


def split(line: str, separator: str) -> list[str]:
    """The cells of a line, without blanks around them and one pair of enclosing quotes."""
    if separator == COMMA:
        return _split_commas(line.strip("\r"))
    return [_bare(cell) for cell in line.split(separator)]


def _bare(cell: str) -> str:
    cell = cell.strip(cells.BLANKS)
    quoted = len(cell) > 1 and cell.startswith('"') and cell.endswith('"')
    return cell[1:-1].strip(cells.BLANKS) if quoted else cell


def _split_commas(line: str) -> list[str]:
    """A quoted cell ends at the quote that a comma or the line's end follows; "" inside is one."""
    found, place = [], 0
    while place <= len(line):
        if line.startswith('"', place):
            cell, place = _quoted(line, place + 1)
        else:
            end = line.find(COMMA, place)
            end = len(line) if end < 0 else end
            cell, place = line[place:end], end + 1
        found.append(cell.strip(cells.BLANKS))
    return found


def _quoted(line: str, place: int) -> tuple[str, int]:
    """The cell whose opening quote was just read, and where the next one begins."""
    text: list[str] = []
    while True:
        end = line.find('"', place)
        if end < 0:
            return "".join([*text, line[place:]]), len(line) + 1
        text.append(line[place:end])
        following = line[end + 1 : end + 2]
        if following in {COMMA, ""}:
            return "".join(text), end + 2
        text.append('"')
        place = end + (2 if following == '"' else 1)


def _values(given: list[str], layout: Layout) -> Values | str:
    text = {column.name: given[layout.places[column.name]] for column in layout.columns}
    values: Values = {}
    lacks = None
    for column in layout.columns:
        cell = text[column.name]
        value = _value(cell, column, text, layout)
        if value is None and cell:
            return f"cannot read {column.name}"
        if not cell and needs_content(column):
            lacks = lacks or column.name
        values[column.name] = value
    return f"lacks {lacks}" if lacks else values


def needs_content(column: Column) -> bool:
    """Whether a row without this cell is none."""
    return column.required and not column.blank and column.kind is not Kind.TEXT


def _value(cell: str, column: Column, row: dict[str, str], layout: Layout) -> Value:
    match column.kind:
        case Kind.TEXT:
            return cell
        case Kind.REFERENCE:
            return cell if _REFERENCE.fullmatch(cell) else None
        case Kind.CURRENCY:
            return cell if _CURRENCY.fullmatch(cell) else None
        case Kind.COUNT:
            count = int(cell) if _COUNT.fullmatch(cell) else None
            return count if count is not None and abs(count) <= cells.MOST_UNITS else None
        case Kind.MONEY:
            return _minor(cell, row, layout)
        case Kind.MOMENT:
            return _moment(cell, layout)
        case Kind.DAY:
            return _day(cell, layout)


def _minor(cell: str, row: dict[str, str], layout: Layout) -> int | None:
    """Exact: a value finer than the currency's smallest unit is none."""
    kind = layout.kind
    for pattern, thousands, point in cells.amount_forms(layout.store):
        if re.fullmatch(pattern, cell):
            plain = cell.replace(thousands, "") if thousands else cell
            currency = row.get(kind.currency) if kind.currency else None
            units = cells.minor_units_in(kind, layout.store, currency)
            minor = Decimal(plain.replace(point, ".")) * units
            whole = int(minor)
            return whole if whole == minor and abs(whole) <= kind.largest_minor else None
    return None


def _day(cell: str, layout: Layout) -> date | None:
    moment = _moment(cell, layout)
    return moment.date() if moment else None


def _moment(cell: str, layout: Layout) -> datetime | None:
    for form in cells.forms(layout.store):
        if form.fits(cell):
            return _in_form(cell, form)
    return None


def _in_form(cell: str, form: Form) -> datetime | None:
    try:
        if form.zone is None or form.strptime.endswith("+00:00"):
            found = datetime.fromisoformat(cell)
        else:
            found = datetime.strptime(cell, form.strptime).replace(tzinfo=ZoneInfo(form.zone))
        found = found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if cells.FIRST_YEAR <= found.year <= cells.LAST_YEAR else None
