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
    """What a document says. `has_text` is false for a scan; `trouble` tells why it cannot be read at all."""

    has_text: bool
    fields: tuple[ReadField, ...] = field(default=())
    kind: DocumentKind | None = None
    trouble: str | None = None


class DocumentParser(Protocol):
    """integrations-backend; tests pass their own."""

    async def parse(self, file: Path, *, user_id: str, media_type: str) -> ReadDocument:
        """Read one document of the user.

        Raises:
            Unavailable: it does not answer; asked again later.
        """
        ...
