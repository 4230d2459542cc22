"""Files that are no report, or hardly: what comes in place of one, and what each must become."""

import bz2
import io
import zipfile
from dataclasses import dataclass

from factories.report_rows import file_text, row

from integrations_backend.reports.kinds import LEDGER

GOOD = file_text(LEDGER, [row(LEDGER), row(LEDGER, fnsku="X002")])
HEADER, FIRST, SECOND = GOOD.splitlines()
UNREADABLE = None


@dataclass(frozen=True)
class Hostile:
    """A file, and how many rows of it are read and how many kept aside; None: refused as a whole."""

    data: bytes
    rows: int | None = UNREADABLE
    aside: int = 0


def packed_zip(data: bytes, name: str = "report.txt") -> bytes:
    """A ZIP file of one file."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(name, data)
    return target.getvalue()


def _lines(*rows: str, end: str = "\n") -> bytes:
    return end.join((HEADER, *rows, "")).encode()


def _line(**cells: str) -> str:
    return file_text(LEDGER, [row(LEDGER, **cells)]).splitlines()[1]


HOSTILE = {
    "utf-16 without mark": Hostile(GOOD.encode("utf-16-le")),
    "utf-16 the other way round": Hostile(GOOD.encode("utf-16-be")),
    "ebcdic": Hostile(GOOD.encode("cp500")),
    "zip": Hostile(packed_zip(GOOD.encode())),
    "a spreadsheet": Hostile(packed_zip(b"<xml/>", "xl/workbook.xml")),
    "bzip2": Hostile(bz2.compress(GOOD.encode())),
    "pdf": Hostile(b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n" + bytes(range(256))),
    "pdf of text": Hostile(b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF"),
    "a web page": Hostile(b"<html><body>Access denied</body></html>"),
    "an error": Hostile(b'{"errors":[{"code":"InvalidInput"}]}'),
    "semicolons": Hostile(GOOD.replace("\t", ";").encode()),
    "our column twice": Hostile(f"{HEADER}\tquantity\n{FIRST}\t5\n".encode()),
    "far more columns": Hostile(HEADER.encode() + b"\tmore" * 50 + b"\n"),
    "a NUL in a cell": Hostile(_lines(FIRST + "\x00", SECOND)),
    "other columns twice": Hostile(f"{HEADER}\tx\tx\n{FIRST}\t1\t2\n".encode(), rows=1),
    "columns without a name": Hostile(f"{HEADER}\t\t\n{FIRST}\t1\t2\n".encode(), rows=1),
    "mixed line ends": Hostile(f"{HEADER}\r\n{FIRST}\n{SECOND}\r\n\r\n".encode(), rows=2),
    "returns alone": Hostile(_lines(FIRST, SECOND, end="\r"), rows=2),
    "a return amid line feeds": Hostile(_lines(f"{FIRST}\r{SECOND}"), rows=0, aside=1),
    "separators that are no line ends": Hostile(
        _lines(f"{FIRST}\x0b{SECOND}\u2028{FIRST}"), rows=0, aside=1
    ),
    "an open quote": Hostile(_lines(_line(msku='"open'), SECOND), rows=2),
    "an open quote between commas": Hostile(
        _lines(_line(msku='"open'), SECOND).replace(b"\t", b","), rows=1, aside=1
    ),
    "a number without end": Hostile(_lines(_line(quantity="1e400"), SECOND), rows=1, aside=1),
    "thousands of digits": Hostile(_lines(_line(quantity="9" * 5_000), SECOND), rows=1, aside=1),
    "the year 9999": Hostile(_lines(_line(date="12/31/9999"), SECOND), rows=1, aside=1),
    "a wide cell": Hostile(_lines(_line(msku="x" * 900_000), SECOND), rows=2),
    "half a character": Hostile(_lines(FIRST).replace(b"SKU-1", b"\xed\xa0\x80"), rows=1),
    "two marks": Hostile(b"\xef\xbb\xbf" * 2 + GOOD.encode(), rows=2),
    "the end of a tape": Hostile(GOOD.encode() + b"\x1a", rows=2, aside=1),
    "a formula": Hostile(_lines(_line(msku="=cmd|' /C calc'!A0"), SECOND), rows=2),
}
