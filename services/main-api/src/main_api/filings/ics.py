"""Deadlines as an iCalendar document (RFC 5545). Pure: the same deadlines give the same bytes."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

LONGEST_LINE_BYTES = 75
"""Without the line break; what is longer is folded (section 3.1)."""
PRODUCT = "-//Opside//Deadlines//EN"


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """What is to be seen on one day, all day long."""

    day: date
    summary: str
    description: str


def calendar(days: Iterable[CalendarDay], *, owner: str, as_of: datetime) -> bytes:
    """The document. An event keeps its identity (UID) as long as its day and owner do."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{PRODUCT}", "CALSCALE:GREGORIAN"]
    lines += ["METHOD:PUBLISH", "X-WR-CALNAME:Opside deadlines"]
    for one in days:
        lines += _event(one, owner=owner, as_of=as_of)
    lines.append("END:VCALENDAR")
    return b"".join(part + b"\r\n" for line in lines for part in _folded(line))


def _event(one: CalendarDay, *, owner: str, as_of: datetime) -> list[str]:
    whose = hashlib.sha256(owner.encode()).hexdigest()[:16]
    return [
        "BEGIN:VEVENT",
        f"UID:{one.day:%Y%m%d}-{whose}@deadlines.opside",
        f"DTSTAMP:{as_of.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        f"DTSTART;VALUE=DATE:{one.day:%Y%m%d}",
        f"DTEND;VALUE=DATE:{one.day + timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{escaped(one.summary)}",
        f"DESCRIPTION:{escaped(one.description)}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def escaped(text: str) -> str:
    """A text value (section 3.3.11); controls other than line breaks have no place in one."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    plain = "".join(char for char in plain if char == "\n" or (char >= " " and char != "\x7f"))
    for mark in ("\\", ";", ","):
        plain = plain.replace(mark, f"\\{mark}")
    return plain.replace("\n", "\\n")


def _folded(line: str) -> Iterator[bytes]:
    """Lines of at most 75 bytes; a character is never cut in two."""
    part, limit = b"", LONGEST_LINE_BYTES
    for char in line:
        encoded = char.encode()
        if len(part) + len(encoded) > limit:
            yield part
            part = b" "
        part += encoded
    yield part
