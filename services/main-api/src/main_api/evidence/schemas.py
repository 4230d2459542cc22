"""Bodies of the evidence routes."""

from datetime import datetime
from typing import Any

from pydantic import Field

from main_api.evidence.models import (
    EvidenceDocument,
    EvidenceField,
    EvidenceFieldChange,
    EvidenceLine,
    EvidenceMatch,
)
from main_api.evidence.rules import MOST_LINES, DocumentKind, MatchStatus, Reading
from opside_chassis.wire import AnswerModel, ApiModel, PlainText, Reference

BASIS_POINTS = 10_000
MOST_CHANGES = 500


class EvidenceView(AnswerModel):
    """A document's own facts; `reading` says whether its text was read or must be typed."""

    evidence_id: str
    file_name: str
    media_type: str
    size_bytes: int
    sha256: str
    kind: DocumentKind
    reading: Reading
    reading_note: str | None
    uploaded_at: datetime

    @classmethod
    def of(cls, row: EvidenceDocument) -> "EvidenceView":
        """The view of a stored document."""
        return cls(
            evidence_id=row.id,
            file_name=row.file_name,
            media_type=row.media_type,
            size_bytes=row.size_bytes,
            sha256=row.sha256,
            kind=DocumentKind(row.kind),
            reading=Reading(row.reading),
            reading_note=row.reading_note,
            uploaded_at=row.uploaded_at,
        )


class UploadedEvidence(EvidenceView):
    """The answer to an upload; `repeated`: the same content was kept before, nothing is kept twice."""

    repeated: bool


class FieldView(AnswerModel):
    """One thing the document says, where, and how surely. `value` is null once a person took it away."""

    line_no: int
    name: str
    value: str | None
    confidence: float
    page: int | None
    place: dict[str, Any] | None
    source: str

    @classmethod
    def of(cls, row: EvidenceField) -> "FieldView":
        """The view of a stored field."""
        return cls(
            line_no=row.line_no,
            name=row.name,
            value=row.value,
            confidence=row.confidence_bp / BASIS_POINTS,
            page=row.page,
            place=row.place,
            source=row.source,
        )


class LineView(AnswerModel):
    """Units that a line proves, and how many of them count for a claim already."""

    line_no: int
    units: int
    used_units: int

    @classmethod
    def of(cls, row: EvidenceLine) -> "LineView":
        """The view of a stored line."""
        return cls(line_no=row.line_no, units=row.units, used_units=row.used_units)


class EvidenceDetail(EvidenceView):
    """A document with everything it says."""

    fields: list[FieldView]
    lines: list[LineView]


class FieldChangeView(AnswerModel):
    """Who changed what, when."""

    line_no: int
    name: str
    old_value: str | None
    new_value: str | None
    changed_by: str
    changed_at: datetime

    @classmethod
    def of(cls, row: EvidenceFieldChange) -> "FieldChangeView":
        """The view of a stored change."""
        return cls(
            line_no=row.line_no,
            name=row.name,
            old_value=row.old_value,
            new_value=row.new_value,
            changed_by=row.changed_by,
            changed_at=row.changed_at,
        )


class TypedField(ApiModel):
    """One field as a person reads it; `value` null takes it away."""

    line_no: int = Field(ge=0, le=MOST_LINES)
    name: PlainText = Field(min_length=1, max_length=50)
    value: PlainText | None = Field(max_length=300)


class Correction(ApiModel):
    """What a person corrects; all of it is stored or nothing."""

    kind: DocumentKind | None = None
    fields: list[TypedField] = Field(default=[], max_length=MOST_CHANGES)


class MatchView(AnswerModel):
    """A document answers a case: why we think so, how surely, and what a person decided."""

    match_id: str
    evidence_id: str
    file_name: str
    kind: DocumentKind
    case_id: str
    line_no: int
    units: int
    status: MatchStatus
    confidence: float
    reasons: list[str]
    decided_at: datetime | None

    @classmethod
    def of(cls, match: EvidenceMatch, document: EvidenceDocument) -> "MatchView":
        """The view of a stored match."""
        return cls(
            match_id=match.id,
            evidence_id=match.document_id,
            file_name=document.file_name,
            kind=DocumentKind(document.kind),
            case_id=match.case_id,
            line_no=match.line_no,
            units=match.units,
            status=MatchStatus(match.status),
            confidence=match.confidence_bp / BASIS_POINTS,
            reasons=[str(reason) for reason in match.reasons],
            decided_at=match.decided_at,
        )


class NewMatch(ApiModel):
    """A person says that a document, or units of one of its lines, answers a case."""

    case_id: Reference
    line_no: int = Field(default=0, ge=0, le=MOST_LINES)
    units: int = Field(default=0, ge=0, le=1_000_000)


class MissingEvidence(AnswerModel):
    """One thing a case lacks, and why it matters. `proposed`: a document waits for a decision."""

    name: str
    kinds: list[DocumentKind]
    why: str
    proposed: bool


class Prompt(AnswerModel):
    """What a case lacks. `value_cents` is null while only a cost document can tell the value (R16)."""

    case_id: str
    claim_type: str
    sku: str
    fnsku: str
    quantity: int
    value_cents: int | None
    currency: str
    deadline: str
    days_left: int
    missing: list[MissingEvidence]


class Prompts(AnswerModel):
    """Cases that lack evidence, the nearest deadline first. `as_of`: when the cases were read."""

    items: list[Prompt]
    as_of: datetime | None
    complete: bool
