"""Many lines of a report file at once; the few that are not plain are left to the careful reader.

What it does read, `careful.read_line` reads alike: it may know less, never other.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import reduce
from operator import and_

import polars as pl

from integrations_backend.reports import cells
from integrations_backend.reports.careful import needs_content
from integrations_backend.reports.cells import DTYPES, Form
from integrations_backend.reports.kinds import Column, Kind
from integrations_backend.reports.layout import COMMA, TAB, Layout

READABLE = "\x00readable"
"""Whether the fast reader understood a row; no report has a column of this name."""
_QUOTE = '"'
_RARE_BLANKS = {blank.encode()[:1] for blank in cells.BLANKS} - {b" ", b"\t", b"\n"}
"""First bytes of all other blanks."""
_FIRST_MOMENT = datetime(cells.FIRST_YEAR, 1, 1, tzinfo=UTC)
_BEHIND_LAST_MOMENT = datetime(cells.LAST_YEAR + 1, 1, 1, tzinfo=UTC)


def read_lines(piece: bytes, layout: Layout) -> pl.DataFrame:
    """The typed values of every line, in order, and `READABLE`; where that is false they mean nothing.

    Raises:
        UnicodeDecodeError: the text is not UTF-8.
    """
    written = _cut(piece, layout).select(
        pl.col(str(place)).alias(name) for name, place in layout.places.items()
    )
    tidy = _tidy_texts(piece, written, layout)
    others = [column for column in layout.columns if column.name not in tidy]
    values = written.with_columns(
        _value(column, written, layout).alias(column.name) for column in others
    )
    sure = _sure(others, values, written, bare=False)
    unsure = [c for c in others if c.name in sure and written[c.name].dtype == pl.String]
    if unsure:
        values, sure = _again(unsure, written, values, sure, layout)
    checks = [pl.repeat(value=True, n=values.height, eager=True), *sure.values()]
    checks += _not_empty(values, layout)
    return values.with_columns(reduce(and_, checks).alias(READABLE))


def _tidy_texts(piece: bytes, written: pl.DataFrame, layout: Layout) -> set[str]:
    """Columns of text with neither blank nor quote around any cell: they stand as their values do.

    Looking for spaces takes half the time of stripping; for all other blanks it would take longer.
    """
    if any(blank in piece for blank in _RARE_BLANKS):
        return set()
    texts = (pl.col(column.name) for column in layout.columns if column.kind is Kind.TEXT)
    odd = written.select(
        (cell.str.starts_with(" ") | cell.str.starts_with(_QUOTE) | cell.str.ends_with(" ")).any()
        for cell in texts
    )
    return {column.name for column in odd if not column.item()}


def _not_empty(values: pl.DataFrame, layout: Layout) -> list[pl.Series]:
    """Where every cell may be empty or any text, an empty line and a second header look like rows."""
    if any(needs_content(column) for column in layout.columns):
        return []
    text = next(c.name for c in layout.columns if c.required and c.kind is Kind.TEXT)
    return [~values[text].is_in(["", layout.names[layout.places[text]]])]


def _again(
    unsure: list[Column],
    written: pl.DataFrame,
    values: pl.DataFrame,
    sure: dict[str, pl.Series],
    layout: Layout,
) -> tuple[pl.DataFrame, dict[str, pl.Series]]:
    """Columns with odd cells once more, without blanks and quotes around them."""
    if any(
        column.kind is Kind.CURRENCY or column.name == layout.kind.currency for column in unsure
    ):
        known = {column.name for column in unsure}
        unsure += [c for c in layout.columns if c.kind is Kind.MONEY and c.name not in known]
    written = written.with_columns(_bare(pl.col(column.name)) for column in unsure)
    bare = written.select(_value(column, written, layout).alias(column.name) for column in unsure)
    kept = {name: cells for name, cells in sure.items() if name not in bare.columns}
    return (
        values.with_columns(bare.iter_columns()),
        kept | _sure(unsure, bare, written, bare=True),
    )


def _cut(piece: bytes, layout: Layout) -> pl.DataFrame:
    """A row for every line: counts as numbers where all of them are some, other cells as text.

    A line that cannot be cut so is an empty row.
    """
    if piece and not piece.endswith(b"\n"):
        piece += b"\n"
    if layout.separator == COMMA:
        piece = _commas_to_tabs(piece, layout.width)
    for numbers in (True, False):
        try:
            return _cells_of(piece, layout, numbers=numbers)
        except pl.exceptions.ComputeError:
            continue
    piece.decode()
    lines = piece.split(b"\n")
    fitting = (b"" if line.count(b"\t") >= layout.width else line for line in lines)
    return _cells_of(b"\n".join(fitting), layout, numbers=False)


def _cells_of(text: bytes, layout: Layout, *, numbers: bool) -> pl.DataFrame:
    schema: dict[str, pl.DataType] = {str(place): pl.String() for place in range(layout.width)}
    if numbers:
        counts = (column.name for column in layout.columns if column.kind is Kind.COUNT)
        schema |= {str(layout.places[name]): DTYPES[Kind.COUNT] for name in counts}
    return pl.read_csv(
        TAB.join(schema).encode() + b"\n" + text,
        schema=schema,
        separator=TAB,
        quote_char=None,
        empty_string_is_null=False,
        truncate_ragged_lines=False,
    )


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
    return pl.when(quoted).then(inner).otherwise(stripped)


def _sure(
    columns: Iterable[Column], values: pl.DataFrame, written: pl.DataFrame, *, bare: bool
) -> dict[str, pl.Series]:
    """Which cells are certain, of columns where not all are. Those not `bare` may stand in quotes."""
    found = {c.name: _certain(c, values[c.name], written[c.name], bare=bare) for c in columns}
    return {name: cells for name, cells in found.items() if not cells.all()}


def _certain(column: Column, value: pl.Series, written: pl.Series, *, bare: bool) -> pl.Series:
    if bare or value.dtype != pl.String:
        certain = value.is_not_null()
    else:
        certain = (~value.str.starts_with(_QUOTE)).fill_null(value=False)
    if column.kind is Kind.REFERENCE and needs_content(column):
        return certain & (written != "")
    if value.null_count() and column.kind is not Kind.TEXT and not needs_content(column):
        return certain | _is_empty(written)
    return certain


def _is_empty(written: pl.Series) -> pl.Series:
    """Where a cell is empty; what is a number already is null nowhere else."""
    return written == "" if written.dtype == pl.String else written.is_null()


def _value(column: Column, written: pl.DataFrame, layout: Layout) -> pl.Expr:
    """A column's values; null where a cell is empty or not understood."""
    cell = pl.col(column.name)
    match column.kind:
        case Kind.TEXT:
            return cell.str.strip_chars()
        case Kind.REFERENCE:
            return pl.when(cell.str.contains(cells.REFERENCE)).then(cell)
        case Kind.CURRENCY:
            return pl.when(cell.str.contains(cells.CURRENCY)).then(cell)
        case Kind.COUNT:
            return _within(cell.cast(pl.Int64, strict=False), cells.MOST_UNITS)
        case Kind.MONEY:
            return _minor(cell, layout)
        case Kind.MOMENT:
            return pl.lit(_moments(written[column.name], layout))
        case Kind.DAY:
            return pl.lit(_days(written[column.name], layout))


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


def _usual_form(written: pl.Series, layout: Layout) -> Form | None:
    """How the column's first cell is written: nearly always the others are, too."""
    first = next((cell for cell in written.head(1000) if cell), "")
    return next((form for form in cells.forms(layout.store) if form.fits(first)), None)


def _days(written: pl.Series, layout: Layout) -> pl.Series:
    """Each day that occurs is understood once: a file has few."""
    different = written.unique()
    days = _in_form(different, _usual_form(written, layout)).dt.date()
    return written.replace_strict(different, days, default=None, return_dtype=DTYPES[Kind.DAY])


def _moments(written: pl.Series, layout: Layout) -> pl.Series:
    return _in_form(written, _usual_form(written, layout))


def _in_form(written: pl.Series, form: Form | None) -> pl.Series:
    """The moments, null where a cell is written otherwise or is far out of range."""
    if form is None:
        return pl.repeat(None, len(written), dtype=DTYPES[Kind.MOMENT], eager=True)
    plain = _only(written, written.str.contains(form.pattern))
    # No cache: moments hardly ever repeat, and days come here once each.
    if form.zone is None:
        found = plain.str.to_datetime(
            form.strptime, time_unit="us", time_zone="UTC", strict=False, cache=False
        )
    else:
        local = plain.str.to_datetime(form.strptime, time_unit="us", strict=False, cache=False)
        zoned = local.dt.replace_time_zone(form.zone, ambiguous="null", non_existent="null")
        found = zoned.dt.convert_time_zone("UTC")
    return _only(found, found.is_between(_FIRST_MOMENT, _BEHIND_LAST_MOMENT, closed="left"))


def _only(series: pl.Series, right: pl.Series) -> pl.Series:
    """Null where it is not right; nearly always all is."""
    return series if right.all() else series.set(~right, None)
