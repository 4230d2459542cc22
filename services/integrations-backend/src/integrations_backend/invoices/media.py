"""What a file is, by what stands in it: its name and its mail only claim something."""

from enum import StrEnum
from pathlib import Path

FIRST_BYTES = 4096
SAMPLE_LINES = 20
FEWEST_DELIMITERS = 2


class Media(StrEnum):
    """The kinds of files that we know."""

    PDF = "application/pdf"
    CSV = "text/csv"
    TEXT = "text/plain"
    HTML = "text/html"
    PICTURE = "image/*"
    OFFICE = "application/zip"
    """A spreadsheet, a letter, or any other archive: never unpacked."""
    OTHER = "application/octet-stream"


_MAGIC = (
    (b"\x89PNG", Media.PICTURE),
    (b"\xff\xd8\xff", Media.PICTURE),
    (b"GIF8", Media.PICTURE),
    (b"II*\0", Media.PICTURE),
    (b"MM\0*", Media.PICTURE),
    (b"PK\x03\x04", Media.OFFICE),
    (b"PK\x05\x06", Media.OFFICE),
    (b"\xd0\xcf\x11\xe0", Media.OFFICE),
)
_HTML = (b"<!doctype html", b"<html", b"<table", b"<body")
_DELIMITERS = (b",", b";", b"\t")


def media_of(content: Path) -> Media:
    """By its first bytes."""
    with content.open("rb") as file:
        first = file.read(FIRST_BYTES)
    # Readers take a PDF whose header comes a little late, and so do its senders' programs.
    if b"%PDF-" in first[:1024]:
        return Media.PDF
    for magic, media in _MAGIC:
        if first.startswith(magic):
            return media
    if b"\0" in first or not first.strip():
        return Media.OTHER
    if any(mark in first.lower() for mark in _HTML):
        return Media.HTML
    lines = [line for line in first.splitlines() if line.strip()][:SAMPLE_LINES]
    table = any(
        sum(line.count(mark) >= FEWEST_DELIMITERS for line in lines) * 2 > len(lines)
        for mark in _DELIMITERS
    )
    return Media.CSV if table else Media.TEXT
