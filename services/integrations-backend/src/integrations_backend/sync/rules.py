"""The steps of a sync, in the words of the source document (ruling R12)."""

from datetime import timedelta
from enum import StrEnum

from integrations_backend.reports.kinds import INVENTORY, SALES


class Step(StrEnum):
    """What a sync does next."""

    FETCH = "fetch"
    NORMALIZE = "normalize"
    CASES = "cases"
    COSTS = "costs"
    RECOVERIES = "recoveries"
    FINALIZE = "finalize"
    FINISHED = "finished"


ORDER = tuple(Step)
STAGE = {
    Step.FETCH: "Fetching Amazon data",
    Step.NORMALIZE: "Normalizing Amazon data",
    Step.CASES: "Creating case files",
    Step.COSTS: "Linking cost documents",
    Step.RECOVERIES: "Recording Stripe transactions",
    Step.FINALIZE: "Finalizing cases",
    Step.FINISHED: "Finished",
}
PERCENT = {
    Step.FETCH: 5,
    Step.NORMALIZE: 50,
    Step.CASES: 65,
    Step.COSTS: 75,
    Step.RECOVERIES: 85,
    Step.FINALIZE: 95,
    Step.FINISHED: 100,
}
FETCH_SHARE_PERCENT = 45
"""Fetching takes longest: its reports share the way from 5 to 50 percent."""


SETTLED = frozenset({"read", "no_data", "denied", "failed"})
"""States of a report that end its part of the sync."""
SHORTEST_POLL_SECONDS = 0.5
LONGEST_POLL_SECONDS = 600.0
SOON = timedelta(seconds=3)
"""Small reports are written so fast, and the burst of getReport lasts so long."""
SECONDS_EACH = 1.0
"""After that each report is looked at so rarely that half of getReport's plan (2 a second) is left."""
WAITED_PART = 0.1
"""A report is looked at again after this part of the time that the sync has waited already."""
READ_AGAIN_SECONDS = (2.0, 10.0, 60.0, 300.0)
"""Waits between the tries of a document that cannot be fetched or read; then that report has failed."""
NEAR_REAL_TIME = frozenset({INVENTORY, SALES})
"""Amazon writes these anew every 30 minutes at most, all others every four hours (facts section 3)."""


def poll_pause(waited: timedelta, *, asked: int) -> float:
    """Seconds until so many reports that Amazon is writing are looked at again."""
    if waited < SOON:
        return SHORTEST_POLL_SECONDS
    return min(
        max(asked * SECONDS_EACH, waited.total_seconds() * WAITED_PART), LONGEST_POLL_SECONDS
    )


def written_anew_every(report_type: str) -> timedelta:
    """How long Amazon gives no newer report of a type."""
    return timedelta(minutes=30) if report_type in NEAR_REAL_TIME else timedelta(hours=4)


def following(step: Step) -> Step:
    """The step after this one."""
    return ORDER[ORDER.index(step) + 1]


def percent(step: Step, *, reports: int, settled: int) -> int:
    """How far a sync is; within fetching by the reports that are settled."""
    if step is not Step.FETCH or not reports:
        return PERCENT[step]
    return PERCENT[step] + FETCH_SHARE_PERCENT * settled // reports
