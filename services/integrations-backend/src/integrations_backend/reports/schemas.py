"""Bodies of the upload routes."""

from enum import StrEnum

from integrations_backend.reports.settlements import SettlementSummary
from opside_chassis.wire import AnswerModel


class RejectedRowView(AnswerModel):
    """A row that was kept aside."""

    line: int
    reason: str


class UploadedFile(AnswerModel):
    """What was found in one uploaded file."""

    name: str
    report_type: str
    rows: int
    rejected: int
    first_rejected: list[RejectedRowView]
    settlement: SettlementSummary | None = None


class RefusedFile(AnswerModel):
    """A file that could not be read as a whole, and what is wrong with it; the others are kept."""

    name: str
    reason: str


class UploadStatus(StrEnum):
    """How far an upload is: its files are read before it exists."""

    DETECTING = "detecting"
    DONE = "done"
    FAILED = "failed"


class Upload(AnswerModel):
    """An upload and what the audit found: every file is in `files` or in `refused`, in its order.

    `claims`, and `losses` that are none, are counted over everything that was read for the seller so
    far; null until it is done.
    """

    upload_id: str
    files: list[UploadedFile]
    refused: list[RefusedFile]
    status: UploadStatus
    claims: int | None
    losses: int | None
