"""Days as suppliers write them. 05/06/2026 has two readings: both are given, and others decide."""

import re
import unicodedata
from datetime import date

_MONTHS = (
    "jan|gen|ene januar january janvier gennaio enero",
    "feb|fev februar february fevrier febbraio febrero",
    "mar|mrz marz march mars marzo",
    "apr|avr|abr april avril aprile abril",
    "may|mai|mag mayo maggio",
    "jun|giu june juni juin giugno junio",
    "jul|lug july juli juillet luglio julio",
    "aug|aou|ago august aout agosto",
    "sep|set sept september septembre settembre septiembre",
    "oct|okt|ott october oktober octobre ottobre octubre",
    "nov november novembre noviembre",
    "dec|dez|dic december dezember decembre dicembre diciembre",
)
_MONTH = {
    name: number for number, names in enumerate(_MONTHS, 1) for name in re.split(r"[| ]", names)
}
_ISO = re.compile(r"\b(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\b")
_NUMBERS = re.compile(r"\b(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})\b")
_DAY_FIRST = re.compile(r"\b(\d{1,2})\.?(?:st|nd|rd|th)?[ -]([^\W\d_]{3,})\.?[ ,-]+(\d{4})\b")
_MONTH_FIRST = re.compile(r"\b([^\W\d_]{3,})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})\b")
_CENTURY, _SHORT_YEAR = 2000, 2


def days_in(text: str) -> list[frozenset[date]]:
    """Every day that a text names, each with all its readings (two for 05/06/2026)."""
    found: dict[int, frozenset[date]] = {}

    def add(at: int, *readings: tuple[int, int, int]) -> None:
        days = frozenset(day for one in readings if (day := _day(*one)) is not None)
        if days:
            found.setdefault(at, days)

    for match in _ISO.finditer(text):
        add(match.start(), (int(match[1]), int(match[2]), int(match[3])))
    for match in _NUMBERS.finditer(text):
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        year += _CENTURY if len(match[4]) == _SHORT_YEAR else 0
        # A point stands after the day wherever it is used.
        readings = [(year, second, first)] + [(year, first, second)] * (match[2] != ".")
        add(match.start(), *readings)
    for match in _DAY_FIRST.finditer(text):
        add(match.start(), (int(match[3]), _month(match[2]), int(match[1])))
    for match in _MONTH_FIRST.finditer(text):
        add(match.start(), (int(match[3]), _month(match[1]), int(match[2])))
    return [found[at] for at in sorted(found)]


def _month(name: str) -> int:
    plain = unicodedata.normalize("NFKD", name.casefold())
    return _MONTH.get("".join(one for one in plain if not unicodedata.combining(one)), 0)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
