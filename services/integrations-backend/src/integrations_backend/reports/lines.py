"""A file's text in pieces of whole lines, UTF-8 whatever it was written in; memory holds one piece."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from integrations_backend.reports.errors import UnreadableReport
from integrations_backend.reports.marketplaces import Marketplace

PIECE_BYTES = 16 * 1024 * 1024
MOST_LINES = 250_000
"""In a piece, however short they are."""
LONGEST_LINE_BYTES = 1024 * 1024
"""Amazon's widest rows have some two thousand; a line without end is no report."""
_HEAD_BYTES = 64 * 1024
UTF_8 = "utf-8"
_CHARSETS = frozenset(
    {UTF_8, "ascii", "cp1252", "iso8859-1", "iso8859-15", "cp932", "shift_jis", "euc_jp"}
    | {"gbk", "gb18030", "big5"}
)
"""Those that an answer may announce: each has a tab, quote and line end as ASCII does."""
_BYTE_ORDER_MARK = "\ufeff".encode()


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
    """UTF-8 text that ends with a line end, at most about `size` bytes at a time; the last may end without.

    A file written as UTF-8 is passed on as it is: whoever takes it apart finds a wrong byte.

    Raises:
        UnicodeDecodeError: the file is in another character set.
        UnreadableReport: it is no text file, or a line is far longer than a report's.
    """
    rest = b""
    for data in _as_utf_8(source, charset, size):
        end = data.rfind(b"\n") + 1
        if end:
            yield from _few_lines(b"".join((rest, memoryview(data)[:end])))
            rest = data[end:]
        else:
            rest += data
        if len(rest) > LONGEST_LINE_BYTES:
            raise UnreadableReport(f"it has a line longer than {LONGEST_LINE_BYTES >> 20} MiB")
    if rest:
        yield rest


def _few_lines(piece: bytes) -> Iterator[bytes]:
    """Empty cells cost memory though the file has no byte of them."""
    if piece.count(b"\n") <= MOST_LINES:
        yield piece
        return
    half = piece.index(b"\n", len(piece) // 2) + 1
    if half == len(piece):
        half = piece.rindex(b"\n", 0, len(piece) // 2) + 1
    yield from _few_lines(piece[:half])
    yield from _few_lines(piece[half:])


def _as_utf_8(source: BinaryIO, charset: str, size: int) -> Iterator[bytes]:
    """Without byte order mark, every line end a line feed (perhaps behind a carriage return)."""
    single_returns = _ends_lines_with_returns(source.read(_HEAD_BYTES))
    source.seek(0)
    decoder = None if charset == UTF_8 else codecs.getincrementaldecoder(charset)()
    begun = False
    while data := source.read(size):
        if b"\x00" in data:
            raise UnreadableReport("the file holds NUL bytes: it is not a report text file")
        if decoder is not None:
            data = decoder.decode(data).encode()
        if not begun:
            begun, data = True, data.removeprefix(_BYTE_ORDER_MARK)
        yield data.replace(b"\r", b"\n") if single_returns else data
    if decoder is not None:
        yield decoder.decode(b"", final=True).encode()


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
