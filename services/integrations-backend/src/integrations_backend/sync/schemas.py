"""Bodies of the sync routes."""

from datetime import datetime
from typing import Any, Literal

from integrations_backend.sync.coverage import SourceCoverage
from integrations_backend.sync.models import SyncJob, SyncReport
from integrations_backend.sync.rules import SETTLED, STAGE, Step, percent
from opside_chassis.wire import AnswerModel


class SyncStatus(AnswerModel):
    """The payload of the source document, and `status`: running, done, failed or cancelled."""

    sync_id: str
    status: str
    stage: str
    percent: int
    total_cases: int
    processed_cases: int
    audit: list[dict[str, Any]]
    coverage: list[SourceCoverage]
    """What each source gave; empty in lists."""
    updated_at: datetime

    @classmethod
    def of(
        cls, sync: SyncJob, reports: list[SyncReport], coverage: list[SourceCoverage]
    ) -> "SyncStatus":
        """The view of a stored sync."""
        step = Step(sync.step)
        settled = sum(report.state in SETTLED for report in reports)
        return cls(
            sync_id=sync.id,
            status=sync.status,
            stage=STAGE[step],
            percent=percent(step, reports=len(reports), settled=settled),
            total_cases=sync.total_cases,
            processed_cases=sync.processed_cases,
            audit=sync.audit.get("entries", []),
            coverage=coverage,
            updated_at=sync.updated_at,
        )


class SyncStatusAnswer(AnswerModel):
    """The envelope of the source document."""

    success: bool = True
    data: SyncStatus


class SyncCoverage(AnswerModel):
    """What the seller's newest sync found, per source; `sync_id` null while there was none."""

    sync_id: str | None
    sources: list[SourceCoverage]


class SyncProgress(AnswerModel):
    """A message of the progress socket: the event of the source document, the payload of the status."""

    event: Literal["sync_progress_update"] = "sync_progress_update"
    data: SyncStatus


class SyncStarted(AnswerModel):
    """Where to look."""

    sync_id: str


class SyncStatistics(AnswerModel):
    """Dashboard numbers."""

    syncs: dict[str, int]
    last_finished_at: datetime | None
