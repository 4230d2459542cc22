"""What a cell may say: the grammar that the fast and the careful reader share.

What is not written as the store writes it is never guessed at. Facts: amazon-gmail.md section 3.
"""

import re
from dataclasses import dataclass

import polars as pl

from integrations_backend.reports.kinds import Kind, ReportKind
from integrations_backend.reports.marketplaces import Marketplace
from opside_chassis.money import minor_unit_exponent

BLANKS = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""Stripped from both ends of a cell: what Unicode calls white space, as Polars does."""
FIRST_YEAR = 2000
"""Amazon keeps no older rows: a smaller year is one of two digits."""
LAST_YEAR = 2099
MOST_UNITS = 1_000_000_000
COUNT = r"^[+-]?0*[0-9]{1,18}$"
REFERENCE = r"^[\x21-\x7e]{0,100}$"
"""Amazon's ids are short and plain; event ids are made of them."""
CURRENCY = r"^[A-Za-z]{3}$"
PLAIN_AMOUNT = r"^[+-]?[0-9]{1,16}(?:\.[0-9]{1,6})?$"
_POINT_AMOUNT = r"^-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]{1,6})?$"
_COMMA_AMOUNT = r"^-?(?:[0-9]{1,16}|[0-9]{1,3}(?:\.[0-9]{3})+),[0-9]{1,6}$"
_ZERO_DECIMAL = frozenset({"jpy", "krw", "vnd", "clp"})
_THREE_DECIMAL = frozenset({"kwd", "bhd", "omr", "jod", "tnd"})
DTYPES: dict[Kind, pl.DataType] = {
    Kind.TEXT: pl.String(),
    Kind.COUNT: pl.Int64(),
    Kind.MONEY: pl.Int64(),
    Kind.MOMENT: pl.Datetime("us", "UTC"),
    Kind.DAY: pl.Date(),
    Kind.REFERENCE: pl.String(),
    Kind.CURRENCY: pl.String(),
}
"""How each kind of column is stored; money is minor units."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write a day or moment. `zone` None: the cell names its own offset."""

    pattern: str
    strptime: str
    zone: str | None = None

    @property
    def has_time(self) -> bool:
        """Whether it names more than a day."""
        return "%H" in self.strptime

    def fits(self, cell: str) -> bool:
        """Whether a cell is written so; its day may still be none of the calendar."""
        return re.fullmatch(self.pattern, cell) is not None


_TIME = "[0-9]{2}:[0-5][0-9]:[0-5][0-9]"
_ISO_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_OFFSET = "(?:Z|[+-][01][0-9]:?[0-5][0-9])"
_DAYS = {
    "ISO": (_ISO_DAY, "%Y-%m-%d"),
    "DOTTED": (r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}", "%d.%m.%Y"),
    "MDY": ("[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}", "%m/%d/%Y"),
    "DMY": ("[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}", "%d/%m/%Y"),
    "YMD": ("[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}", "%Y/%m/%d"),
}
_ZONES = {"UTC": "UTC", "JST": "Asia/Tokyo"}
"""What stands after a clock time that has no offset."""
_WITH_OFFSET = (
    Form(rf"^{_ISO_DAY}T{_TIME}\+00:00$", "%Y-%m-%dT%H:%M:%S+00:00", "UTC"),
    Form(f"^{_ISO_DAY}T{_TIME}{_OFFSET}$", "%Y-%m-%dT%H:%M:%S%#z"),
    Form(rf"^{_ISO_DAY}T{_TIME}\.[0-9]{{1,6}}{_OFFSET}$", "%Y-%m-%dT%H:%M:%S%.f%#z"),
)


def forms(store: Marketplace) -> tuple[Form, ...]:
    """How a store's files write days and moments; a day alone is its start, UTC.

    Dotted days are always day first, slashed ones in the store's order.
    """
    found = list(_WITH_OFFSET)
    for order in ("ISO", "DOTTED", store.date_order):
        pattern, strptime = _DAYS[order]
        found.append(Form(f"^{pattern}$", strptime, "UTC"))
        found += [
            Form(f"^{pattern} {_TIME} {name}$", f"{strptime} %H:%M:%S {name}", zone)
            for name, zone in _ZONES.items()
        ]
    return tuple(found)


def amount_forms(store: Marketplace) -> tuple[tuple[str, str, str], ...]:
    """Patterns of amounts with what parts thousands and what parts decimals.

    A comma that stands where this store writes none is not guessed at.
    """
    if store.decimal_comma:
        return ((PLAIN_AMOUNT, "", "."), (_COMMA_AMOUNT, ".", ","))
    return ((PLAIN_AMOUNT, "", "."), (_POINT_AMOUNT, ",", "."))


def minor_units_in(kind: ReportKind, store: Marketplace, currency: str | None) -> int:
    """How many minor units a major one has; the row's own `currency` counts where it names one."""
    if kind.currency is None:
        return int(10 ** minor_unit_exponent(store.currency))
    code = (currency or "").lower()
    return 1 if code in _ZERO_DECIMAL else 1000 if code in _THREE_DECIMAL else 100


def minor_units_expression(kind: ReportKind, store: Marketplace) -> pl.Expr:
    """As `minor_units_in`, of every row."""
    if kind.currency is None:
        return pl.lit(minor_units_in(kind, store, None))
    code = pl.col(kind.currency).str.to_lowercase()
    return (
        pl.when(code.is_in(sorted(_ZERO_DECIMAL)))
        .then(1)
        .when(code.is_in(sorted(_THREE_DECIMAL)))
        .then(1000)
        .otherwise(100)
    )
