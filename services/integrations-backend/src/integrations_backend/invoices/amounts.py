"""Numbers as suppliers write them: 1,234.50 or 1.234,50, read strictly in one style or not at all."""

import re
from decimal import Decimal
from enum import Enum


class Style(Enum):
    """(thousands, decimal): which marks group digits, and which one divides."""

    POINT = (",'", ".")
    COMMA = (".'", ",")


_LONGEST, _GROUP = 18, 3
_MONEY = re.compile(
    r"^(?P<open>\()?(?P<sign>[-−])?(?:[A-Za-z]{0,3}[$€£¥]|[A-Z]{3})?(?P<sign2>[-−])?"  # noqa: RUF001
    r"(?P<digits>\d[\d.,']*)(?:[$€£¥]|[A-Z]{3})?(?P<close>\))?$"
)
_SYMBOL = re.compile(r"(?:[A-Za-z]{0,3}[$€£¥]|\b[A-Z]{3}\b)")


def amount(text: str, style: Style) -> Decimal | None:
    """The number in this style; None when it is none, or is grouped as this style never would be.

    "1,234" is a number in both styles, and not the same one: the arithmetic of a document decides.
    """
    found = _MONEY.match(text.replace(" ", "").replace("\u00a0", "").replace("\u202f", ""))
    if found is None or len(found["digits"]) > _LONGEST:
        return None
    thousands, decimal = style.value
    whole, mark, part = found["digits"].partition(decimal)
    groups = re.split(f"[{re.escape(thousands)}]", whole)
    if not _grouped(groups) or (mark and not part.isdigit()):
        return None
    value = Decimal("".join(groups) + (f".{part}" if mark else ""))
    negative = bool(found["sign"] or found["sign2"] or (found["open"] and found["close"]))
    return -value if negative else value


def _grouped(groups: list[str]) -> bool:
    if not all(group.isascii() and group.isdigit() for group in groups):
        return False
    first, *rest = groups
    return not rest or (0 < len(first) <= _GROUP and all(len(one) == _GROUP for one in rest))


def looks_like_a_number(text: str) -> bool:
    """A number in either style, with or without a currency."""
    return any(amount(text, style) is not None for style in Style)


_CODES = frozenset(
    {
        *("AED", "AUD", "BRL", "CAD", "CHF", "CNY", "EGP", "EUR", "GBP", "HKD", "INR"),
        *("JPY", "MXN", "PLN", "SAR", "SEK", "SGD", "TRY", "TWD", "USD", "ZAR"),
    }
)
_SYMBOLS = {"€": "EUR", "£": "GBP", "US$": "USD", "C$": "CAD", "CA$": "CAD", "A$": "AUD"}


def currencies_in(text: str) -> set[str]:
    """ISO codes that a text names; a bare $ or ¥ names none, since several countries write it."""
    named = {word for word in re.findall(r"\b[A-Z]{3}\b", text) if word in _CODES}
    marks = {_SYMBOLS[mark] for mark in _SYMBOL.findall(text) if mark in _SYMBOLS}
    return named | marks
