"""Calendars that other programs read: RFC 5545's lines, folding, escaping and identities."""

from datetime import UTC, date, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from main_api.filings.ics import CalendarDay, calendar, escaped

AS_OF = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)
texts = st.text(max_size=300)


def unfolded(document: bytes) -> list[str]:
    """As a reader does it: lines end with CRLF, and one that begins with a space goes on."""
    assert document.endswith(b"\r\n")
    joined = document.replace(b"\r\n ", b"")
    assert b"\n" not in joined.replace(b"\r\n", b"")
    return joined.decode().split("\r\n")[:-1]


def plain(value: str) -> str:
    """A text value read back."""
    out, chars = "", iter(value)
    for char in chars:
        if char == "\\":
            after = next(chars)
            out += "\n" if after in "nN" else after
        else:
            assert char not in ";,"
            out += char
    return out


def test_a_day_is_an_event_of_its_own() -> None:
    document = calendar([CalendarDay(date(2026, 12, 31), "a; b", "c")], owner="usr_a", as_of=AS_OF)
    assert unfolded(document) == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Opside//Deadlines//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        "X-WR-CALNAME:Opside deadlines",
        "BEGIN:VEVENT",
        "UID:20261231-9ce050133bcc1835@deadlines.opside",
        "DTSTAMP:20261101T083000Z",
        "DTSTART;VALUE=DATE:20261231",
        "DTEND;VALUE=DATE:20270101",
        "SUMMARY:a\\; b",
        "DESCRIPTION:c",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "END:VCALENDAR",
    ]


@given(texts, texts)
@example("ä" * 200, "日本" * 99)
@example("x" * 200, "\n;,\\" * 50)
def test_whatever_is_written_is_read_again_in_lines_that_fit(
    summary: str, description: str
) -> None:
    days = [CalendarDay(date(2026, 12, 31), summary, description)]
    document = calendar(days, owner="usr_a", as_of=AS_OF)
    assert all(len(line) <= 75 for line in document.split(b"\r\n"))
    lines = unfolded(document)
    assert len(lines) == 16
    values = dict(line.split(":", 1) for line in lines)
    kept = "".join(
        char
        for char in summary.replace("\r\n", "\n").replace("\r", "\n")
        if char == "\n" or (char >= " " and char != "\x7f")
    )
    assert plain(values["SUMMARY"]) == kept


@given(texts)
def test_no_text_begins_a_line_of_its_own(text: str) -> None:
    assert "\n" not in escaped(text)
    assert "\r" not in escaped(text)
