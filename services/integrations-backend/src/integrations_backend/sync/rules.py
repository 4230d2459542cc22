"""The steps of a sync, in the words of the source document (ruling R12)."""

from enum import StrEnum


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


def following(step: Step) -> Step:
    """The step after this one."""
    return ORDER[ORDER.index(step) + 1]


def percent(step: Step, *, reports: int, settled: int) -> int:
    """How far a sync is; within fetching by the reports that are settled."""
    if step is not Step.FETCH or not reports:
        return PERCENT[step]
    return PERCENT[step] + FETCH_SHARE_PERCENT * settled // reports
