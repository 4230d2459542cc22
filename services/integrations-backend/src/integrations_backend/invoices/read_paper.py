"""A file to what it says, or why a person must type it."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from integrations_backend.invoices.errors import ReaderBusy, Unreadable
from integrations_backend.invoices.media import Media, media_of
from integrations_backend.invoices.parse import parse
from integrations_backend.invoices.pdf import pdf_text
from integrations_backend.invoices.plain import plain_text
from integrations_backend.invoices.reading import Came, Reading
from opside_contracts.integrations.papers import LONGEST_READING_SECONDS

FEWEST_WORDS = 5
"""A scan has none; a stamp or a page number makes no text of it."""


@dataclass(frozen=True, slots=True)
class PaperRead:
    """What became of a file: a reading, or the reason why there is none."""

    media: Media
    reading: Reading | None
    needs_typing: str | None = None


async def read_paper(content: Path, came: Came) -> PaperRead:
    """Never raises for what a stranger put into the file; `ReaderBusy` where this machine is busy."""
    media = media_of(content)
    try:
        match media:
            case Media.PDF:
                text = await pdf_text(content)
            case Media.CSV | Media.TEXT | Media.HTML:
                text = await asyncio.to_thread(plain_text, content, media)
            case Media.PICTURE:
                return PaperRead(media, None, "it is a picture, and pictures are not read")
            case Media.OFFICE:
                return PaperRead(media, None, "spreadsheets, letters and archives are not opened")
            case _:
                return PaperRead(media, None, "no program of ours knows this kind of file")
    except Unreadable as error:
        return PaperRead(media, None, str(error))
    if sum(len(line.words) for line in text.lines) < FEWEST_WORDS:
        scanned = "it is a scan: it holds pictures and no text"
        return PaperRead(media, None, scanned if text.pictures else "it holds no text")
    return PaperRead(media, await asyncio.to_thread(parse, text, came))


async def read_in_time(
    content: Path, came: Came, *, seconds: float = LONGEST_READING_SECONDS
) -> PaperRead:
    """The same for somebody who waits; raises `ReaderBusy` before his patience ends."""
    try:
        async with asyncio.timeout(seconds):
            return await read_paper(content, came)
    except TimeoutError as error:
        raise ReaderBusy from error
