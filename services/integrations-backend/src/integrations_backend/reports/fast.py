"""Many lines of a report file at once; the few that are not plain are left to the careful reader.

What it does read, `careful.read_line` reads alike: it may know less, never other. All that is asked of
a cell is one query, so that Polars goes through a line's cells while they are in the cache.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime

import polars as pl

from integrations_backend.reports import cells
from integrations_backend.reports.careful import needs_content, split
from integrations_backend.reports.cells import DTYPES, Form
from integrations_backend.reports.kinds import Column, Kind
from integrations_backend.reports.layout import COMMA, TAB, Layout
from integrations_backend.reports.lines import BYTE_ORDER_MARK

READABLE = "\x00readable"
"""Whether the fast reader understood a row; no report has a column of this name."""
_VALUE = "\x00value "
"""Before the name of a column whose cells are no text: their values, beside the cells."""
_QUOTE = '"'
_BEHIND_QUOTE = "#"
"""What sorts before it begins with a blank or a quote (or is harmless); to compare is to look at once."""
_RARE_BLANKS = {blank.encode()[:1] for blank in cells.BLANKS} - {b" ", b"\t", b"\n"}
"""First bytes of all other blanks: to look for them in a cell takes longer than in the whole piece."""
_FIRST_MOMENT = datetime(cells.FIRST_YEAR, 1, 1, tzinfo=UTC)
_BEHIND_LAST_MOMENT = datetime(cells.LAST_YEAR + 1, 1, 1, tzinfo=UTC)
_ALL_CELLS = pl.QueryOptFlags(projection_pushdown=False)
"""Of a file of which not every column is asked for, Polars does not count a line's cells."""
_WINDOW_BYTES = 256 * 1024
_SAMPLE_BYTES = 64 * 1024
_FEW = 0.02
"""Of a piece, lines that the careful reader may have: it takes fifty times as long."""

Forms = Mapping[str, Form]
"""How the days and moments of a piece are written, by column."""


def read_lines(piece: bytes, layout: Layout, *, most: int) -> pl.DataFrame | None:
    """The typed values of every line, in order, and `READABLE`; where that is false they mean nothing.

    None when there are more than `most` lines.

    Raises:
        UnicodeDecodeError: the text is not UTF-8.
    """
    if piece and not piece.endswith(b"\n"):
        piece += b"\n"
    if layout.separator == COMMA:
        piece = _commas_to_tabs(piece, layout.width)
    if not _has_rare_blanks(piece):
        found = _read(piece, layout, most, bare=False)
        if found.height > most:
            return None
        if (~found[READABLE]).sum() <= _FEW * found.height:
            return found
    found = _read(piece, layout, most, bare=True)
    return None if found.height > most else found


def _has_rare_blanks(piece: bytes) -> bool:
    """Looked for a window at a time: that is in the cache for all but the first of them."""
    return any(
        piece.find(blank, start, start + _WINDOW_BYTES) >= 0
        for start in range(0, len(piece), _WINDOW_BYTES)
        for blank in _RARE_BLANKS
    )


def _read(piece: bytes, layout: Layout, most: int, *, bare: bool) -> pl.DataFrame:
    """As `read_lines`, with at most one line more than `most`; if not to be `bare`, a cell with blanks
    or quotes around it is not understood.

    A line that cannot be cut into cells is an empty row.
    """
    forms = dict(_usual_forms(piece, layout))
    # Polars would take a mark for the file's own, and cells are counted in the first line.
    for numbers in () if piece.startswith(BYTE_ORDER_MARK) else (True, False):
        try:
            given = _cells_of(piece, layout, numbers=numbers).head(most + 1)
            return _values(given, layout, forms, bare=bare)
        except (pl.exceptions.ComputeError, pl.exceptions.SchemaError):
            continue
    piece.decode()
    lines = piece.split(b"\n")
    fitting = b"\n".join(b"" if line.count(b"\t") >= layout.width else line for line in lines)
    whole_line = TAB.encode() * (layout.width - 1) + b"\n"
    given = _cells_of(whole_line + fitting, layout, numbers=False).slice(1, most + 1)
    return _values(given, layout, forms, bare=bare)


def _usual_forms(piece: bytes, layout: Layout) -> Iterator[tuple[str, Form]]:
    """By each column's first cell: nearly always the others are written so, too."""
    days = [c.name for c in layout.columns if c.kind in {Kind.DAY, Kind.MOMENT}]
    first: dict[str, str] = {}
    for line in piece[:_SAMPLE_BYTES].decode(errors="replace").split("\n"):
        if len(first) == len(days):
            break
        row = split(line, TAB)
        for name in days:
            cell = next(iter(row[layout.places[name] :]), "")
            if cell:
                first.setdefault(name, cell)
    for name, cell in first.items():
        form = next((form for form in cells.forms(layout.store) if form.fits(cell)), None)
        if form:
            yield name, form


def _cells_of(text: bytes, layout: Layout, *, numbers: bool) -> pl.LazyFrame:
    """A row for every line: counts as `numbers`, which fails where one is none, other cells as text."""
    schema: dict[str, pl.DataType] = {str(place): pl.String() for place in range(layout.width)}
    if numbers:
        counts = (column.name for column in layout.columns if column.kind is Kind.COUNT)
        schema |= {str(layout.places[name]): DTYPES[Kind.COUNT] for name in counts}
    lines = pl.scan_csv(
        text,
        schema=schema,
        has_header=False,
        separator=TAB,
        quote_char=None,
        empty_string_is_null=False,
        truncate_ragged_lines=False,
    )
    return lines.select(pl.col(str(place)).alias(name) for name, place in layout.places.items())


def _commas_to_tabs(piece: bytes, width: int) -> bytes:
    """Lines of which either every cell is quoted or none: there a comma's meaning is certain."""
    return "\n".join(_tabbed(line, width) for line in piece.decode().split("\n")).encode()


def _tabbed(line: str, width: int) -> str:
    line = line.rstrip("\r")
    if TAB in line:
        return ""
    quotes = line.count(_QUOTE)
    if not quotes:
        return line.replace(COMMA, TAB)
    between = line.count('","')
    all_quoted = line.startswith(_QUOTE) and line.endswith(_QUOTE) and quotes == 2 * between + 2
    return line[1:-1].replace('","', TAB) if all_quoted and between < width else ""


def _bare(cell: pl.Expr) -> pl.Expr:
    """Without blanks around it and one pair of enclosing quotes; a quote inside the text stays."""
    stripped = cell.str.strip_chars()
    quoted = (
        stripped.str.starts_with(_QUOTE)
        & stripped.str.ends_with(_QUOTE)
        & (stripped.str.len_bytes() > 1)
    )
    inner = stripped.str.slice(1, stripped.str.len_chars() - 2)
    return pl.when(quoted).then(inner.str.strip_chars()).otherwise(stripped)


def _values(given: pl.LazyFrame, layout: Layout, forms: Forms, *, bare: bool) -> pl.DataFrame:
    written = given.collect_schema()
    if bare:
        texts = (name for name, dtype in written.items() if dtype == pl.String)
        given = given.with_columns(_bare(pl.col(name)) for name in texts)
    others = [column for column in layout.columns if DTYPES[column.kind] != written[column.name]]
    named = {column.name: _VALUE + column.name for column in others}
    values = given.with_columns(
        _value(column, layout, forms).alias(named[column.name]) for column in others
    )
    checks = [
        _number(column)
        if written[column.name] == DTYPES[Kind.COUNT]
        else _certain(column, forms, bare=bare)
        for column in layout.columns
    ]
    checks += _not_empty(layout)
    return values.select(
        *(pl.col(named.get(name, name)).alias(name) for name in layout.places),
        pl.all_horizontal(checks).fill_null(value=False).alias(READABLE),
    ).collect(engine="streaming", optimizations=_ALL_CELLS)


def _not_empty(layout: Layout) -> list[pl.Expr]:
    """Where every cell may be empty or any text, an empty line and a second header look like rows."""
    if any(needs_content(column) for column in layout.columns):
        return []
    text = next(c.name for c in layout.columns if c.required and c.kind is Kind.TEXT)
    return [~pl.col(text).is_in(["", layout.names[layout.places[text]]])]


def _number(column: Column) -> pl.Expr:
    """Whether a cell that is a number already may be one."""
    cell = pl.col(column.name)
    certain = cell.is_between(-cells.MOST_UNITS, cells.MOST_UNITS)
    return certain if needs_content(column) else cell.is_null() | certain


def _certain(column: Column, forms: Forms, *, bare: bool) -> pl.Expr:
    """Whether a cell is understood. Cells that are not `bare` may stand in quotes or between blanks."""
    cell, value = pl.col(column.name), pl.col(_VALUE + column.name)
    empty = cell == ""
    match column.kind:
        case Kind.TEXT:
            return cell.is_not_null() if bare else _plain(cell)
        case Kind.REFERENCE:
            certain = cell.str.contains(cells.REFERENCE)
            if not bare:
                certain &= ~cell.str.starts_with(_QUOTE)
            return certain & ~empty if needs_content(column) else certain
        case Kind.CURRENCY:
            certain = cell.str.contains(cells.CURRENCY)
        case Kind.COUNT | Kind.MONEY:
            certain = value.is_not_null()
        case Kind.DAY | Kind.MOMENT:
            certain = _in_range(column, value)
            if column.name in forms:
                certain &= cell.str.contains(forms[column.name].pattern)
    return certain if needs_content(column) else empty | certain


def _plain(cell: pl.Expr) -> pl.Expr:
    """A text that stands as its value does, in a piece without rare blanks."""
    return ((cell == "") | (cell >= _BEHIND_QUOTE)) & ~cell.str.ends_with(" ")


def _in_range(column: Column, value: pl.Expr) -> pl.Expr:
    first: date = _FIRST_MOMENT
    behind: date = _BEHIND_LAST_MOMENT
    if column.kind is Kind.DAY:
        first, behind = _FIRST_MOMENT.date(), _BEHIND_LAST_MOMENT.date()
    return value.is_between(first, behind, closed="left").fill_null(value=False)


def _value(column: Column, layout: Layout, forms: Forms) -> pl.Expr:
    """The value of a cell that is no text; null where it is empty or not understood."""
    cell = pl.col(column.name)
    match column.kind:
        case Kind.COUNT:
            return _within(cell.cast(pl.Int64, strict=False), cells.MOST_UNITS)
        case Kind.MONEY:
            return _minor(cell, layout)
        case Kind.MOMENT:
            return _moment(cell, forms.get(column.name))
        case _:
            return _day(cell, forms.get(column.name))


def _within(number: pl.Expr, largest: int) -> pl.Expr:
    return pl.when(number.is_between(-largest, largest)).then(number)


def _minor(cell: pl.Expr, layout: Layout) -> pl.Expr:
    digits = pl.lit(None, dtype=pl.String)
    for pattern, thousands, point in cells.amount_forms(layout.store):
        plain = cell.str.replace_all(thousands, "", literal=True) if thousands else cell
        if point == COMMA:
            plain = plain.str.replace(COMMA, ".", literal=True)
        digits = pl.when(cell.str.contains(pattern)).then(plain).otherwise(digits)
    factor = cells.minor_units_expression(layout.kind, layout.store)
    scaled = digits.cast(pl.Decimal(28, 6), strict=False) * factor.cast(pl.Decimal(28, 0))
    whole = scaled.cast(pl.Int64, strict=False)
    exact = pl.when(whole.cast(pl.Decimal(28, 6)) == scaled).then(whole)
    return _within(exact, layout.kind.largest_minor)


def _moment(cell: pl.Expr, form: Form | None) -> pl.Expr:
    if form is None:
        return pl.lit(None, dtype=DTYPES[Kind.MOMENT])
    local = form.zone not in {None, "UTC"}
    # To look into a cache of what was read takes as long as to read.
    moment = cell.str.to_datetime(
        form.strptime,
        time_unit="us",
        time_zone=None if local else "UTC",
        strict=False,
        cache=False,
    )
    if not local:
        return moment
    zoned = moment.dt.replace_time_zone(form.zone, ambiguous="null", non_existent="null")
    return zoned.dt.convert_time_zone("UTC")


def _day(cell: pl.Expr, form: Form | None) -> pl.Expr:
    if form is None or form.has_time:
        return _moment(cell, form).dt.date()
    return cell.str.to_date(form.strptime, strict=False, cache=False)
