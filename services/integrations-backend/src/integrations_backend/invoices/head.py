"""The head of a paper: what it is, whose, its number and its day."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from integrations_backend.invoices.dates import days_in
from integrations_backend.invoices.page_text import Line, Place, Word
from integrations_backend.invoices.reading import Came, Field
from integrations_backend.invoices.vocabulary import (
    BARE_DATE_LABEL,
    BUYER_LABEL,
    COMPANY,
    DATE_LABEL,
    DUE_LABEL,
    FULL_NUMBER_LABEL,
    NUMBER,
    NUMBER_LABEL,
    TITLES,
    Kind,
    folded,
)

TITLE_LINES = 14
TITLE_WORDS = 7
LETTERHEAD_LINES = 6
CLOSE = timedelta(days=10)
"""An invoice is mailed within so many days of its date; a far reading of 05/06 is further away."""
LONGEST_TERM = timedelta(days=120)
SHIPMENT = re.compile(r"\bFBA[0-9A-Z]{6,12}\b")
_DOMAIN = re.compile(r"@([\w.-]+)")
_LONGEST_NAME = 120


def kind_of(lines: Sequence[Line]) -> Kind:
    """By the short lines at the top: a title says what a paper is, a sentence only speaks of others."""
    titles = [folded(line.text) for line in lines[:TITLE_LINES] if len(line.words) <= TITLE_WORDS]
    for kind, words in TITLES:
        if any(words.search(title) for title in titles):
            return kind
    return Kind.UNKNOWN


def supplier_of(lines: Sequence[Line], came: Came) -> Field[str]:
    """The letterhead: the tallest words at the top that are no title and no buyer."""
    top = []
    for line in lines[:LETTERHEAD_LINES]:
        if BUYER_LABEL.match(folded(line.text)):
            break
        if not _is_title(line):
            top.append(line)
    named = [line for line in top if re.search(r"[^\W\d_]{2}", line.text)]
    if not named:
        return Field(None, 0, ("no name stands at the top",))
    best = max(named, key=lambda line: (line.size, -lines.index(line)))
    name = best.cells[0].text[:_LONGEST_NAME]
    reasons = ["the largest name at the top"]
    confidence = 6_000
    if COMPANY.search(name):
        confidence += 1_500
        reasons.append("it is written as a company's")
    if _sent_by(name, came.sender):
        confidence += 3_000
        reasons.append("the sender's address has the same name")
    return Field(name, min(confidence, 9_800), tuple(reasons), best.place(best.cells[0]))


def _is_title(line: Line) -> bool:
    text = folded(line.text)
    return len(line.words) <= TITLE_WORDS and any(words.search(text) for _, words in TITLES)


def _sent_by(name: str, sender: str) -> bool:
    """Whether a word of the name is part of the sender's domain."""
    found = _DOMAIN.search(folded(sender))
    words = [
        word for word in re.findall(r"[^\W_]{4,}", folded(name)) if not COMPANY.fullmatch(word)
    ]
    return found is not None and any(word in found[1] for word in words)


def number_of(lines: Sequence[Line], came: Came) -> Field[str]:
    """The word after "Invoice number"; its mail's subject or file name may say the same."""
    found = list(_numbers(lines))
    if not found:
        return Field(None, 0, ("no invoice number is labelled",))
    labelled = [one for one in found if one[2]] or found
    counted = Counter(text for text, _, _ in labelled)
    text, place, full = labelled[0]
    confidence, reasons = (8_500, ["it is labelled"]) if full else (6_500, ["it follows the title"])
    if text.casefold() in f"{came.subject} {came.filename}".casefold():
        confidence += 1_400 if full else 3_000
        reasons.append("the mail or the file is named after it")
    elif full and len(counted) == 1:
        confidence += 600
        reasons.append("no other number is labelled so")
    if len(counted) > 1:
        confidence = min(confidence, 5_000)
        reasons.append("other numbers are labelled alike")
    return Field(text, min(confidence, 9_900), tuple(reasons), place)


def _numbers(lines: Sequence[Line]) -> Iterator[tuple[str, Place, bool]]:
    """(number, place, whether the label was a whole one)."""
    for line in lines:
        words = line.words
        text = folded(line.text)
        label = NUMBER_LABEL.match(text)
        if label is None:
            continue
        rest = _words_after(line, label.end())
        if rest and NUMBER.match(rest[0].text.strip(":#")) and _has_digit(rest[0].text):
            full = FULL_NUMBER_LABEL.match(text) is not None
            yield rest[0].text.strip(":#"), line.place(rest[0]), full
        elif len(words) == 0:
            return


def _words_after(line: Line, letters: int) -> list[Word]:
    """The words that begin after so many letters of the line's text."""
    at, rest = 0, []
    for word in line.words:
        if at >= letters - 1 and word.text.strip(":#."):
            rest.append(word)
        at += len(word.text) + 1
    return rest


def _has_digit(text: str) -> bool:
    return any(one.isdigit() for one in text)


def date_of(lines: Sequence[Line], came: Came) -> Field[date]:
    """The labelled day; where it has two readings, the mail's day or the term of payment decides."""
    for label, confidence in ((DATE_LABEL, 9_500), (BARE_DATE_LABEL, 8_500)):
        for line in lines:
            text = folded(line.text)
            if label.match(text) is None:
                continue
            days = days_in(line.text)
            if days:
                return _decided(days[0], confidence, line, lines, came)
    return Field(None, 0, ("no day of the invoice is labelled",))


def _decided(
    readings: frozenset[date], confidence: int, line: Line, lines: Sequence[Line], came: Came
) -> Field[date]:
    place = line.place()
    received = came.received
    close = {day for day in readings if received and abs(received - day) <= CLOSE}
    if len(readings) == 1:
        (day,) = readings
        if close:
            return Field(
                day, max(confidence, 9_500), ("it is labelled", "the mail is as old"), place
            )
        return Field(day, confidence, ("it is labelled",), place)
    if len(close) == 1:
        return Field(
            close.pop(), 9_300, ("it is labelled", "the mail's day decides its order"), place
        )
    fitting = _before_a_due_day(readings, lines)
    if len(fitting) == 1:
        reason = "its order follows from the day when payment is due"
        return Field(fitting.pop(), 8_000, ("it is labelled", reason), place)
    return Field(min(readings), 4_000, ("day and month cannot be told apart",), place)


def _before_a_due_day(readings: frozenset[date], lines: Sequence[Line]) -> set[date]:
    """Readings with the same order as a due day that only has one reading."""
    dues = [
        next(iter(days))
        for line in lines
        if DUE_LABEL.match(folded(line.text))
        for days in days_in(line.text)
        if len(days) == 1
    ]
    return {day for day in readings for due in dues if timedelta() <= due - day <= LONGEST_TERM}


def shipments_in(lines: Sequence[Line]) -> tuple[str, ...]:
    """Amazon's ids of inbound shipments."""
    found = {one for line in lines for one in SHIPMENT.findall(line.text)}
    return tuple(sorted(found))
