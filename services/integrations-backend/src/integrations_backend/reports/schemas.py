"""Bodies of the upload routes."""

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


class Upload(AnswerModel):
    """An upload and what the audit of its files found."""

    upload_id: str
    files: list[UploadedFile]
    claims: int
    losses: int
