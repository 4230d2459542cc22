"""What was looked at and what not, per source: "not looked" never reads as "clean"."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from integrations_backend.reports.kinds import LISTED_REPORTS, REQUESTED_REPORTS
from integrations_backend.sync.listed import LISTED
from integrations_backend.sync.models import SyncJob, SyncReport
from opside_chassis.wire import AnswerModel

SOURCES = (*REQUESTED_REPORTS, *LISTED_REPORTS)
NEVER = "no sync has looked at it yet"
ENDED_BEFORE = "the sync ended before it was read"


class Coverage(StrEnum):
    """What a source gave."""

    DATA = "data"
    NOTHING = "nothing_qualifying"
    """Amazon was asked, and has nothing of the kind."""
    PARTIAL = "partial"
    DENIED = "denied"
    PENDING = "pending"
    FAILED = "failed"


class SourceCoverage(AnswerModel):
    """One source. `last_success_at`: up to when it is known, however the last look at it went."""

    source: str
    state: Coverage
    reason: str
    rows: int
    rejected: int
    last_success_at: datetime | None


def coverage_of(
    sync: SyncJob | None, reports: Sequence[SyncReport], succeeded: Mapping[str, datetime]
) -> list[SourceCoverage]:
    """Every source as this sync, the newest of the seller or a chosen one, found it."""
    return [_source(source, sync, reports, succeeded.get(source)) for source in SOURCES]


def _source(
    source: str, sync: SyncJob | None, reports: Sequence[SyncReport], succeeded: datetime | None
) -> SourceCoverage:
    own = [one for one in reports if one.report_type == source]
    listed = source in LISTED_REPORTS and any(one.report_key == LISTED for one in reports)
    state, reason = _state(sync, own, listed=listed)
    return SourceCoverage(
        source=source,
        state=state,
        reason=reason,
        rows=sum(one.rows for one in own),
        rejected=sum(one.rejected for one in own),
        last_success_at=succeeded,
    )


def _state(
    sync: SyncJob | None, own: Sequence[SyncReport], *, listed: bool
) -> tuple[Coverage, str]:
    if sync is None:
        return Coverage.PENDING, NEVER
    states = {one.state for one in own}
    if states - {"read", "no_data", "denied", "failed"} or not (own or listed):
        running = sync.status == "running"
        return (Coverage.PENDING, "Amazon is asked") if running else (Coverage.FAILED, ENDED_BEFORE)
    reasons = "; ".join(sorted({one.note for one in own if one.note}))
    bad, good = states & {"denied", "failed"}, states & {"read", "no_data"}
    if bad:
        if good:
            return Coverage.PARTIAL, reasons
        return (Coverage.DENIED if bad == {"denied"} else Coverage.FAILED), reasons
    if rejected := sum(one.rejected for one in own):
        return Coverage.PARTIAL, f"rows that could not be read: {rejected}"
    if any(one.state == "read" and (one.rows or one.note) for one in own):
        return Coverage.DATA, reasons
    return Coverage.NOTHING, reasons or "Amazon has none"
