"""Which messages and which of their files may be suppliers' papers, and how fast a mailbox is read."""

import re
from datetime import datetime, timedelta

SEARCH = (
    "has:attachment newer_than:18m (filename:pdf OR filename:csv OR filename:txt OR filename:html"
    ' OR invoice OR rechnung OR facture OR fattura OR factura OR receipt OR "packing list"'
    ' OR "bill of lading" OR "proof of delivery")'
)
"""facts/amazon-gmail.md section 7, and the files of suppliers who write no word about them."""
PASSED_OVER = frozenset({"SPAM", "TRASH", "SENT", "DRAFT", "CHAT"})
LARGEST_FILE_BYTES = 10 * 1024 * 1024
SMALLEST_PICTURE_BYTES = 50 * 1024
"""A smaller one is a logo in a signature."""

READ_UNITS, LIST_UNITS, HISTORY_UNITS = 20, 5, 2
"""What a message or an attachment, a page of a list, and a page of history cost of Gmail's quota."""
FREE_UNITS = 3_000
"""So much at once; the rest of the minute's 6,000 is left for the user himself."""
UNITS_A_SECOND = 60.0
"""And then so much: below the 100 units a second that Gmail gives each user."""

_READABLE = re.compile(r"\.(?:pdf|csv|txt|html?|docx?|xlsx?|ods|odt|tiff?)$", re.IGNORECASE)
_READABLE_TYPES = ("application/pdf", "text/csv", "text/plain", "text/html")


def is_candidate(filename: str, mime_type: str, size: int) -> bool:
    """Whether a file is worth a download. What it really is its content says afterwards."""
    if not 0 < size <= LARGEST_FILE_BYTES:
        return False
    if mime_type.startswith("image/"):
        return size >= SMALLEST_PICTURE_BYTES
    return mime_type in _READABLE_TYPES or _READABLE.search(filename) is not None


def go_on_at(begun: datetime, spent_units: int) -> datetime:
    """When so many units of one look may have been spent."""
    beyond = max(0, spent_units - FREE_UNITS)
    return begun + timedelta(seconds=beyond / UNITS_A_SECOND)


def pause_seconds(refusals: int, jitter: float) -> float:
    """How long to leave Gmail alone after its n-th refusal in a row; `jitter` is from 0 to 1."""
    return float(min(2.0 ** min(refusals, 8), 120.0) * (0.5 + jitter))
