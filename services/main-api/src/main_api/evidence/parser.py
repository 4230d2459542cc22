"""The port to whoever reads the text of a document: which fields it found, where, and how surely."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from main_api.evidence.rules import DocumentKind


@dataclass(frozen=True, slots=True)
class ReadField:
    """One value as found. Line 0 is the document; `place` is for showing it, in the parser's own terms."""

    line_no: int
    name: str
    value: str
    confidence_bp: int
    page: int | None = None
    place: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """What a document says; `needs_typing` tells why a person must, `notes` what he should look at."""

    fields: tuple[ReadField, ...] = field(default=())
    kind: DocumentKind | None = None
    needs_typing: str | None = None
    unreadable: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnreadDocument:
    """A kept document on its way to the parser."""

    place: Path
    file_name: str
    size_bytes: int


class DocumentParser(Protocol):
    """integrations-backend; tests may pass their own."""

    async def parse(self, document: UnreadDocument) -> ReadDocument:
        """Read one document.

        Raises:
            Unavailable: nobody answers; asked again later.
        """
        ...
