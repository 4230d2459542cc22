"""Cells of a report file as typed values: what is not written as the store writes it becomes null."""

import polars as pl

from integrations_backend.reports.kinds import Column, Kind, ReportKind, fold
from integrations_backend.reports.marketplaces import Marketplace
from opside_chassis.money import minor_unit_exponent

_WITH_OFFSET = ("%Y-%m-%dT%H:%M:%S%#z", "%Y-%m-%dT%H:%M:%S%.f%#z")
_SLASHED = {"MDY": "%m/%d/%Y", "DMY": "%d/%m/%Y", "YMD": "%Y/%m/%d"}
_ZONES = {"UTC": "UTC", "JST": "Asia/Tokyo"}
"""What stands after a clock time that has no offset."""
_FIRST_YEAR = 2000
"""Amazon keeps no older rows: a smaller year is one of two digits."""
_LAST_YEAR = 2099
_MOST_UNITS = 1_000_000_000
_REFERENCE = r"^[\x21-\x7e]{0,100}$"
"""Amazon's ids are short and plain; event ids are made of them."""
_CURRENCY = r"^[A-Za-z]{3}$"
_ZERO_DECIMAL = ["jpy", "krw", "vnd", "clp"]
_THREE_DECIMAL = ["kwd", "bhd", "omr", "jod", "tnd"]
DTYPES = {
    Kind.TEXT: pl.String(),
    Kind.COUNT: pl.Int64(),
    Kind.MONEY: pl.Int64(),
    Kind.MOMENT: pl.Datetime("us", "UTC"),
    Kind.DAY: pl.Date(),
    Kind.REFERENCE: pl.String(),
    Kind.CURRENCY: pl.String(),
}
"""How each kind of column is stored; money is minor units."""


def typed(column: Column, kind: ReportKind, store: Marketplace) -> pl.Expr:
    """The typed values of a column of text cells; null where a cell is empty or unreadable."""
    cell = pl.col(column.folded)
    match column.kind:
        case Kind.TEXT:
            return cell
        case Kind.REFERENCE:
            return pl.when(cell.str.contains(_REFERENCE)).then(cell)
        case Kind.CURRENCY:
            return pl.when(cell.str.contains(_CURRENCY)).then(cell)
        case Kind.COUNT:
            return _within(cell.cast(pl.Int64, strict=False), _MOST_UNITS)
        case Kind.MONEY:
            return _minor_units(cell, kind, store)
        case Kind.MOMENT:
            return _moment(cell, store)
        case Kind.DAY:
            return _moment(cell, store).dt.date()


def _moment(cell: pl.Expr, store: Marketplace) -> pl.Expr:
    """ISO, dotted (always day first) or slashed in the store's order; a day alone is its start, UTC."""
    days = ("%Y-%m-%d", "%d.%m.%Y", _SLASHED[store.date_order])
    parsed = [
        cell.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)
        for form in _WITH_OFFSET
    ]
    for day in days:
        parsed.append(_local(cell, day, "UTC"))
        parsed += [_local(cell, f"{day} %H:%M:%S {name}", zone) for name, zone in _ZONES.items()]
    found = pl.coalesce(parsed)
    return pl.when(found.dt.year().is_between(_FIRST_YEAR, _LAST_YEAR)).then(found)


def _within(number: pl.Expr, largest: int) -> pl.Expr:
    return pl.when(number.is_between(-largest, largest)).then(number)


def _local(cell: pl.Expr, form: str, zone: str) -> pl.Expr:
    moment = cell.str.to_datetime(form, time_unit="us", strict=False)
    return moment.dt.replace_time_zone(zone).dt.convert_time_zone("UTC")


def _minor_units(cell: pl.Expr, kind: ReportKind, store: Marketplace) -> pl.Expr:
    """Exact: a value finer than the currency's smallest unit becomes null, and so is rejected."""
    comma = cell.str.contains(",", literal=True)
    if store.decimal_comma:
        point = cell.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
        written = cell.str.contains(r"^-?(\d+|\d{1,3}(\.\d{3})+),\d+$")
    else:
        point = cell.str.replace_all(",", "", literal=True)
        written = cell.str.contains(r"^-?\d{1,3}(,\d{3})+(\.\d+)?$")
    # A comma that stands where this store writes none is not guessed at: the cell is unreadable.
    digits = pl.when(~comma).then(cell).when(written).then(point)
    exact = digits.cast(pl.Decimal(28, 6), strict=False)
    factor = pl.lit(10 ** minor_unit_exponent(store.currency))
    if kind.currency is not None:
        code = pl.col(fold(kind.currency)).str.to_lowercase()
        factor = (
            pl.when(code.is_in(_ZERO_DECIMAL))
            .then(1)
            .when(code.is_in(_THREE_DECIMAL))
            .then(1000)
            .otherwise(100)
        )
    scaled = exact * factor.cast(pl.Decimal(28, 0))
    whole = scaled.cast(pl.Int64, strict=False)
    exactly = pl.when(whole.cast(pl.Decimal(28, 6)) == scaled).then(whole)
    return _within(exactly, kind.largest_minor)
