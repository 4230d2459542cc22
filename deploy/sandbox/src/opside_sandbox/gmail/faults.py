"""Faults addressed as "the n-th call of operation X in this run"."""

from dataclasses import dataclass

from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document

OPERATIONS = (
    "oauth2.token",
    "oauth2.revoke",
    "oauth2.userinfo",
    "gmail.users.getProfile",
    "gmail.users.messages.list",
    "gmail.users.messages.get",
    "gmail.users.messages.attachments.get",
    "gmail.users.threads.list",
    "gmail.users.threads.get",
    "gmail.users.labels.list",
    "gmail.users.labels.get",
    "gmail.users.history.list",
)
"""Google's own method ids, and the three OAuth endpoints."""

_RULES, _CALLS = "gmail.fault", "gmail.calls"


@dataclass(frozen=True, slots=True)
class Fault:
    """What this call suffers. `seconds`: how long it hangs, drags, or how far the clock jumps."""

    kind: str
    seconds: float


def calls(state: SandboxState) -> dict[str, int]:
    """How often each operation has been called in this run."""
    return {row["id"]: row["count"] for row in state.store.list(_CALLS)}


def add(state: SandboxState, rule: Document) -> Document:
    """Plan a fault. `nth` counts from the start of the run, or (`relative`) from now on."""
    number = f"gfl_{state.store.next_number('gmail_fault')}"
    kept = {name: value for name, value in rule.items() if name != "relative"}
    if rule["relative"]:
        kept["nth"] += calls(state).get(rule["operation"], 0)
    return state.store.put(_RULES, number, {"id": number, **kept})


def planned(state: SandboxState) -> list[Document]:
    """All rules, met or not."""
    return state.store.list(_RULES)


def clear(state: SandboxState) -> None:
    """Forget the rules; the counts stay."""
    for rule in planned(state):
        state.store.delete(_RULES, rule["id"])


def meet(state: SandboxState, operation: str) -> Fault | None:
    """Count this call; answers the fault planned for it, if any."""
    with state.store.transaction():
        known = state.store.get(_CALLS, operation) or {"id": operation, "count": 0}
        count = known["count"] + 1
        state.store.put(_CALLS, operation, {"id": operation, "count": count})
    for rule in state.store.list(_RULES, operation=operation):
        if rule["nth"] <= count < rule["nth"] + rule["times"]:
            return Fault(rule["kind"], float(rule["seconds"]))
    return None
