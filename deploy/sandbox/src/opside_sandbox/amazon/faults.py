"""Faults on demand, addressed as "the n-th call of operation X in this run"."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, Field, model_validator

from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document

DOWNLOAD = "downloadDocument"
"""Not an operation of the SP-API: fetching a document from its signed address."""
TOKEN, PROFILE = "lwaToken", "lwaProfile"
_DOCUMENTS_ONLY = {"truncated_gzip", "expired_link"}
_RULES, _CALLS = "amazon.faults", "amazon.calls"

Kind = Literal[
    "timeout_before", "timeout_after", "500_before", "500_after", "503_html", "429", "reset",
    "slow", "truncated_gzip", "expired_link", "wrong_content_type", "clock_jump",
]  # fmt: skip


class Fault(BaseModel):
    """The `nth` call of `operation` in this run (or, `relative`, from now on) suffers `kind`.

    `times` calls in a row suffer it. `seconds`: how long it hangs (real time), or how far the
    clock jumps. "before" and "after" speak of the moment at which the call's effect is kept.
    """

    operation: str = Field(min_length=1)
    kind: Kind
    nth: int = Field(default=1, ge=1)
    times: int = Field(default=1, ge=1)
    relative: bool = True
    seconds: float = Field(default=60.0, ge=0)

    @model_validator(mode="after")
    def _possible(self) -> "Fault":
        if self.kind in _DOCUMENTS_ONLY and self.operation != DOWNLOAD:
            raise ValueError(f"{self.kind} happens to {DOWNLOAD} only")
        return self


@dataclass(frozen=True, slots=True)
class Met:
    """What this call suffers."""

    kind: Kind
    seconds: float


def calls(state: SandboxState) -> dict[str, int]:
    """How often each operation has been called in this run."""
    return {row["operation"]: row["count"] for row in state.store.list(_CALLS)}


def add(state: SandboxState, fault: Fault) -> Document:
    """Plan a fault; the answer tells its place counted from the start of the run."""
    number = f"fault-{state.store.next_number('amazon.fault')}"
    before = calls(state).get(fault.operation, 0) if fault.relative else 0
    rule = {
        "id": number,
        **fault.model_dump(exclude={"relative"}),
        "nth": fault.nth + before,
    }
    return state.store.put(_RULES, number, rule)


def planned(state: SandboxState) -> list[Document]:
    """All rules, met or not."""
    return state.store.list(_RULES)


def clear(state: SandboxState) -> None:
    """Forget the rules; the counts stay."""
    for rule in planned(state):
        state.store.delete(_RULES, rule["id"])


def meet(state: SandboxState, operation: str) -> Met | None:
    """Count this call; answers the fault planned for it, if any."""
    with state.store.transaction():
        known = state.store.get(_CALLS, operation) or {"operation": operation, "count": 0}
        count = int(known["count"]) + 1
        state.store.put(_CALLS, operation, {"operation": operation, "count": count})
    for rule in state.store.list(_RULES, operation=operation):
        if rule["nth"] <= count < rule["nth"] + rule["times"]:
            return Met(rule["kind"], float(rule["seconds"]))
    return None
