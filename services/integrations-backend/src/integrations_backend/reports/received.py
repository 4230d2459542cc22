"""A report document on its way into the archive."""

from dataclasses import dataclass
from pathlib import Path

UPLOADED = "upload:"
"""How the document id of a file begins that the seller handed over; no id of Amazon's does."""


@dataclass(frozen=True, slots=True)
class ReceivedReport:
    """A downloaded (or uploaded) file, unpacked but otherwise as received."""

    user_id: str
    sync_id: str
    report_type: str
    marketplace_id: str
    report_id: str
    document_id: str
    content: Path
    charset: str | None = None
    packed: Path | None = None
    """The same file as gzip, if it came so."""


@dataclass(frozen=True, slots=True)
class IngestedReport:
    """How many rows were understood, and how many were kept aside with a reason."""

    rows: int
    rejected: int
