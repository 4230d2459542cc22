"""Bodies of the filing routes."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from main_api.filings.models import Filing, FilingAudit
from main_api.filings.rules import FilingState
from opside_chassis.wire import AnswerModel, ApiModel, PlainText, Reference

MOST_IN_BULK = 200
LONGEST_TEXT_CHARS = 5_000
AmazonCaseId = Annotated[PlainText, Field(pattern=r"^[0-9]{6,20}$")]
"""As Seller Central shows it."""


class FilingView(AnswerModel):
    """Where a filing stands. `value_cents` is null while only a cost document can tell it (R16)."""

    filing_id: str
    case_id: str
    claim_id: str
    claim_type: str
    state: FilingState
    version: int
    quantity: int
    value_cents: int | None
    currency: str
    deadline: date
    amazon_case_id: str | None
    filed_at: datetime | None
    told_at: datetime | None
    told_problem: str | None
    paid_cents: int
    """What Amazon paid less what it took back, in `paid_currency`."""
    paid_currency: str | None
    paid_units: int
    reason: str | None
    changed_by: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Filing) -> "FilingView":
        """The view of a stored filing."""
        return cls(
            filing_id=row.id,
            case_id=row.case_id,
            claim_id=row.claim_id,
            claim_type=row.claim_type,
            state=FilingState(row.state),
            version=row.version,
            quantity=row.quantity,
            value_cents=row.value_minor,
            currency=row.currency,
            deadline=row.deadline,
            amazon_case_id=row.amazon_case_id,
            filed_at=row.filed_at,
            told_at=row.told_at,
            told_problem=row.told_problem,
            paid_cents=row.paid_minor,
            paid_currency=row.paid_currency,
            paid_units=row.paid_units,
            reason=row.reason,
            changed_by=row.changed_by,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


class PacketEvidenceView(AnswerModel):
    """A document of the packet."""

    evidence_id: str
    file_name: str
    kind: str
    media_type: str
    sha256: str


class FilingDetail(FilingView):
    """A filing with its packet: the claim's text, the field sheet, the evidence."""

    text: str
    field_sheet: dict[str, str]
    evidence: list[PacketEvidenceView]


class FilingChangeView(AnswerModel):
    """One change: who, when, from where to where, and every value that changed."""

    version: int
    from_state: FilingState | None
    to_state: FilingState
    changed_by: str
    changes: dict[str, Any]
    at: datetime

    @classmethod
    def of(cls, row: FilingAudit) -> "FilingChangeView":
        """The view of an audit row."""
        return cls(
            version=row.version,
            from_state=FilingState(row.from_state) if row.from_state else None,
            to_state=FilingState(row.to_state),
            changed_by=row.changed_by,
            changes=row.changes,
            at=row.at,
        )


class NewFiling(ApiModel):
    """Draft a filing for this case."""

    case_id: Reference


class OwnText(ApiModel):
    """The claim in the seller's own words; null goes back to ours."""

    text: str | None = Field(max_length=LONGEST_TEXT_CHARS)


class Move(ApiModel):
    """Where the filing stands now, and what Amazon said or why."""

    to: FilingState
    reason: PlainText | None = Field(default=None, max_length=1_000)


class Filed(ApiModel):
    """A person filed it at Amazon and was given this case id."""

    amazon_case_id: AmazonCaseId


class DraftMany(ApiModel):
    """Draft filings for these cases."""

    case_ids: list[Reference] = Field(min_length=1, max_length=MOST_IN_BULK)


class FiledOne(Filed):
    """One filing that a person filed."""

    filing_id: Reference


class FileMany(ApiModel):
    """These filings were filed."""

    items: list[FiledOne] = Field(min_length=1, max_length=MOST_IN_BULK)


class BulkResult(AnswerModel):
    """What became of one item; a repeat answers `unchanged`, and `refused` says why."""

    case_id: str | None
    filing_id: str | None
    outcome: Literal["done", "unchanged", "refused"]
    state: FilingState | None
    code: str | None = None
    detail: str | None = None


class BulkResults(AnswerModel):
    """One result an item, in the order that was asked."""

    results: list[BulkResult]


class RadarDay(AnswerModel):
    """Money that is lost after a day unless it is claimed; one row a day and currency."""

    date: date
    days_left: int
    currency: str
    value_cents: int
    """Of the cases whose value is known."""
    cases: int
    unknown_value_cases: int
    drafted: int
    ready: int


class RadarCase(AnswerModel):
    """A case that is not filed yet."""

    case_id: str
    claim_type: str
    quantity: int
    value_cents: int | None
    currency: str
    deadline: date
    days_left: int
    filing_id: str | None
    state: FilingState | None


class Radar(AnswerModel):
    """Deadlines of what is not filed yet, the nearest first. `as_of`: when the cases were read."""

    days: list[RadarDay]
    cases: list[RadarCase]
    as_of: datetime | None
    complete: bool


class FeedAddress(AnswerModel):
    """Where a calendar program finds the deadlines. Shown once; whoever has it may read them."""

    url: str
