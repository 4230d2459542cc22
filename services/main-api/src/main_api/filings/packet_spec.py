"""What a packet's PDF is bound from, as it crosses to the process that binds it."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

AT = "at"
"""First word of a line that the binder prints before it opens a document: `at 2`."""


@dataclass(frozen=True, slots=True)
class BoundDocument:
    """A document to bind in; `path` is a file of ours."""

    path: str
    title: str
    media_type: str
    sha256: str


@dataclass(frozen=True, slots=True)
class PacketSpec:
    """Everything the first pages say, and the documents that follow them."""

    title: str
    text: str
    field_sheet: tuple[tuple[str, str], ...]
    documents: tuple[BoundDocument, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    """Titles of documents that cannot be bound, and why: said on the first pages."""

    @classmethod
    def from_json(cls, text: str) -> "PacketSpec":
        """What `as_json` wrote."""
        read: dict[str, Any] = json.loads(text)
        return cls(
            title=read["title"],
            text=read["text"],
            field_sheet=_pairs(read["field_sheet"]),
            documents=tuple(BoundDocument(**one) for one in read["documents"]),
            left_out=_pairs(read["left_out"]),
        )

    def as_json(self) -> str:
        """One line; the same packet is the same line."""
        return json.dumps(asdict(self), sort_keys=True)

    def digest(self) -> str:
        """Names the packet by everything that is in it."""
        return hashlib.sha256(self.as_json().encode()).hexdigest()[:32]


def _pairs(rows: Sequence[Sequence[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in rows)
