"""Faults of deliveries on demand: duplicate, delay, reorder, lose, forge."""

from opside_sandbox.state import SandboxState
from opside_sandbox.stripe.errors import Document

RULES = "stripe.webhook_fault"
DELIVERIES = "stripe.delivery"
KINDS = ("duplicate", "delay", "reorder", "lose", "forge")
_HELD_SECONDS = 5.0


def add(state: SandboxState, rule: Document) -> Document:
    """Let the `nth` matching delivery from now on, and `times` in all, suffer `kind`."""
    rule_id = f"whf_{state.store.next_number('webhook_fault')}"
    return state.store.put(RULES, rule_id, {"id": rule_id, "seen": 0, **rule})


def apply(state: SandboxState, row: Document, event_type: str) -> None:
    """Store a new delivery, changed by the first rule that it meets."""
    _release_held(state, row)
    kind, seconds = _meet(state, event_type)
    if kind == "lose":
        row["status"] = "lost"
    elif kind == "delay":
        row["due_at"] += seconds
    elif kind == "reorder":
        row["due_at"] += seconds or _HELD_SECONDS
        row["status"], row["held"] = "pending", True
    elif kind == "duplicate":
        _put(state, {**row, "id": f"{row['id']}_again", "due_at": row["due_at"] + seconds})
    elif kind == "forge":
        _put(state, {**row, "id": f"{row['id']}_forged", "forged": True})
    _put(state, row)


def _put(state: SandboxState, row: Document) -> None:
    state.store.put(DELIVERIES, row["id"], row)


def _release_held(state: SandboxState, newer: Document) -> None:
    """A delivery held back for reordering goes out just after the next one."""
    for row in state.store.list(DELIVERIES, held=True, endpoint=newer["endpoint"]):
        if row["status"] == "pending" and row["event"] != newer["event"]:
            _put(state, {**row, "held": False, "due_at": newer["due_at"] + 0.3})


def _meet(state: SandboxState, event_type: str) -> tuple[str | None, float]:
    for rule in state.store.list(RULES):
        if rule["event_type"] not in {None, event_type}:
            continue
        rule["seen"] += 1
        state.store.put(RULES, rule["id"], rule)
        if rule["nth"] <= rule["seen"] < rule["nth"] + rule["times"]:
            return rule["kind"], float(rule["seconds"])
    return None, 0.0


def clear(state: SandboxState) -> None:
    """Forget every rule."""
    for rule in state.store.list(RULES):
        state.store.delete(RULES, rule["id"])
