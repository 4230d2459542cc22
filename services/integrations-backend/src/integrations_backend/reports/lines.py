"""A file's text in pieces of whole lines, UTF-8 whatever it was written in; memory holds one piece."""

import codecs
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from integrations_backend.reports.errors import UnreadableReport
from integrations_backend.reports.marketplaces import Marketplace

PIECE_BYTES = 12 * 1024 * 1024
_FIRST_BYTES = 1024 * 1024
"""Of a file's first piece; each that follows is twice as large, up to `PIECE_BYTES`."""
LONGEST_LINE_BYTES = 1024 * 1024
"""Amazon's widest rows have some two thousand; a line without end is no report."""
_HEAD_BYTES = 64 * 1024
UTF_8 = "utf-8"
_CHARSETS = frozenset(
    {UTF_8, "ascii", "cp1252", "iso8859-1", "iso8859-15", "cp932", "shift_jis", "euc_jp"}
    | {"gbk", "gb18030", "big5"}
)
"""Those that an answer may announce: each has a tab, quote and line end as ASCII does."""
BYTE_ORDER_MARK = "\ufeff".encode()


def charsets(announced: str | None, store: Marketplace) -> list[str]:
    """What the file may be written in, in the order of trying: announced, UTF-8, the store's older."""
    given = [announced] if announced and _known(announced) else []
    return list(dict.fromkeys(_name(one) for one in (*given, UTF_8, store.legacy_charset)))


def first_lines(path: Path, count: int) -> list[str]:
    """The header line and the next, far enough to know the file by."""
    with path.open("rb") as source:
        head = source.read(_HEAD_BYTES).decode("utf-8-sig", errors="replace")
    line_end = "\n" if "\n" in head else "\r"
    return [line.rstrip("\r") for line in head.split(line_end, count)[:count]]


def pieces(source: BinaryIO, charset: str, *, size: int = PIECE_BYTES) -> Iterator[bytes]:
    """A file's text as UTF-8 in whole lines, each ended by a line feed (the last one perhaps not), at
    most about `size` bytes at a time.

    A file written as UTF-8 is passed on as it is: whoever takes it apart finds a wrong byte.

    Raises:
        UnicodeDecodeError: the file is in another character set.
        UnreadableReport: it is no text file, or a line is far longer than a report's.
    """
    returns = _ends_lines_with_returns(source.read(_HEAD_BYTES))
    begun = False
    for data in _whole_lines(source, size, b"\r" if returns else b"\n"):
        if b"\x00" in data:
            raise UnreadableReport("the file holds NUL bytes: it is not a report text file")
        text = data if charset == UTF_8 else data.decode(charset).encode()
        if not begun:
            begun, text = True, text.removeprefix(BYTE_ORDER_MARK)
        yield text.replace(b"\r", b"\n") if returns else text


def _whole_lines(source: BinaryIO, size: int, line_end: bytes) -> Iterator[bytes]:
    """About `size` bytes at a time, first fewer: whoever takes them apart need not wait for long.

    In no character set of ours a line end is part of a character.
    """
    begin, file_end = 0, source.seek(0, io.SEEK_END)
    some = min(size, _FIRST_BYTES)
    while begin < file_end:
        end = _lines_end(source, begin, min(begin + some, file_end), line_end)
        source.seek(begin)
        yield source.read(end - begin)
        begin, some = end, min(size, 2 * some)


def _lines_end(source: BinaryIO, begin: int, stop: int, line_end: bytes) -> int:
    """The place behind the last line that ends before `stop`; of a line that goes on, its own."""
    last = max(begin, stop - LONGEST_LINE_BYTES)
    source.seek(last)
    found = source.read(stop - last).rfind(line_end)
    if found >= 0:
        return last + found + 1
    rest = source.read(LONGEST_LINE_BYTES)
    more = rest.find(line_end) + 1 or len(rest)
    if stop - begin + more > LONGEST_LINE_BYTES:
        raise UnreadableReport(f"it has a line longer than {LONGEST_LINE_BYTES >> 20} MiB")
    return stop + more


def _ends_lines_with_returns(head: bytes) -> bool:
    """Old Macintosh files do: carriage returns alone."""
    place = head.find(b"\r")
    return place >= 0 and b"\n" not in head[: place + 2]


def _known(charset: str) -> bool:
    try:
        return codecs.lookup(charset).name in _CHARSETS
    except LookupError:
        return False


def _name(charset: str) -> str:
    return codecs.lookup(charset).name
