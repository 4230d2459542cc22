"""Reports that Amazon writes by itself: found once a sync, each read once for ever."""

from datetime import datetime, timedelta
from functools import partial

from integrations_backend.amazon_api.errors import AccessDenied, Throttled
from integrations_backend.amazon_api.gateway import Amazon, ReportState
from integrations_backend.reports.kinds import LISTED_REPORTS
from integrations_backend.sync import queries
from integrations_backend.sync.granted import Granted
from integrations_backend.sync.models import SyncJob
from opside_chassis.database import Sessions, transaction

LISTED = "listed"
"""The key of the row that says that the list was taken."""
LISTED_DAYS = 90
"""getReports reaches so far back (facts section 3)."""
LIST_HELD_BACK = "Amazon's usage plan held the list back for a day"
READ_BEFORE = "read by an earlier sync"


async def list_ready_made(
    sessions: Sessions,
    amazon: Amazon,
    granted: Granted,
    sync: SyncJob,
    now: datetime,
    *,
    late: bool,
) -> dict[str, float]:
    """Store a row for each; answers what a usage plan holds up, and for how many seconds.

    A `late` sync waits for the list no longer and says so.
    """
    async with transaction(sessions, tenant=sync.user_id) as session:
        known = await queries.reports_of(session, user_id=sync.user_id, sync_id=sync.id)
    if any(report.report_key == LISTED for report in known):
        return {}
    since, rows = now - timedelta(days=LISTED_DAYS), [_row(sync, LISTED, LISTED, "read")]
    for report_type in LISTED_REPORTS:
        try:
            found = await granted.call(
                partial(amazon.finished_reports, report_type=report_type, since=since)
            )
        except AccessDenied:
            rows.append(_row(sync, report_type, report_type, "denied"))
        except Throttled as error:
            if not late:
                return {LISTED: error.wait_seconds}
            rows.append(_row(sync, report_type, report_type, "failed", note=LIST_HELD_BACK))
        else:
            rows += [_of_list(sync, report_type, one) for one in found if one.document_id]
    async with transaction(sessions, tenant=sync.user_id) as session:
        read = await queries.read_of_last_list(
            session, user_id=sync.user_id, sync_id=sync.id, listed=LISTED
        )
        for row in rows:
            if row["report_key"] in read:
                row |= {"state": "read", "note": READ_BEFORE, **read[str(row["report_key"])]}
        await queries.add_reports(session, rows)
    return {}


def _of_list(sync: SyncJob, report_type: str, made: ReportState) -> dict[str, object]:
    row = _row(sync, f"{report_type}:{made.report_id}", report_type, "ready")
    return row | {"report_id": made.report_id, "document_id": made.document_id}


def _row(
    sync: SyncJob, key: str, report_type: str, state: str, *, note: str = ""
) -> dict[str, object]:
    return {
        "sync_id": sync.id,
        "report_key": key,
        "report_type": report_type,
        "user_id": sync.user_id,
        "report_id": None,
        "document_id": None,
        "state": state,
        "rows": 0,
        "rejected": 0,
        "note": note,
    }
