"""The mailbox's history: numbered changes with gaps, forgotten after a while."""

from datetime import datetime, timedelta
from typing import Any

from opside_sandbox.gmail.mailbox.message import Mail
from opside_sandbox.gmail.mailbox.written import FIRST_HISTORY_ID, generated
from opside_sandbox.state import SandboxState

KEPT_DAYS = 7
"""Gmail keeps history at least a week, often longer, sometimes only hours."""
_RECORDS, _HEADS, _FLOORS = "gmail.history", "gmail.heads", "gmail.history_floor"


def current(state: SandboxState, key: str) -> int:
    """The number of the newest change."""
    known = state.store.get(_HEADS, key)
    if known is not None:
        return int(known["value"])
    return max((one.history_id for one in generated(state, key)), default=FIRST_HISTORY_ID)


def next_id(state: SandboxState, key: str) -> int:
    """A higher number; how much higher nobody can foresee."""
    step = state.rng(f"history/{key}/{state.store.next_number(f'gmail_history_{key}')}")
    value = current(state, key) + step.randrange(7, 400)
    state.store.put(_HEADS, key, {"value": value})
    return value


def note(
    state: SandboxState, key: str, mail: Mail, kind: str, labels: list[str] | None = None
) -> None:
    """Remember a change; `mail` is as it stands after it."""
    body = {
        "persona": key,
        "number": mail.history_id,
        "at": state.clock.now().isoformat(),
        "kind": kind,
        "message": {"id": mail.id, "threadId": mail.thread_id, "labelIds": sorted(mail.labels)},
        "labels": labels,
    }
    state.store.put(_RECORDS, f"{key}|{mail.history_id}", body)


def forget(state: SandboxState, key: str) -> int:
    """Gmail drops everything up to now; the number below which nothing is known."""
    floor = current(state, key)
    state.store.put(_FLOORS, key, {"value": floor})
    return floor


def floor(state: SandboxState, key: str) -> int:
    """The newest change that is too old to be kept: no list can start below it."""
    planned = int((state.store.get(_FLOORS, key) or {"value": 0})["value"])
    limit = state.clock.now() - timedelta(days=KEPT_DAYS)
    old = [int(one["number"]) for one in _all(state, key) if one["at"] < limit]
    return max([planned, *old])


def since(state: SandboxState, key: str, start: int) -> list[dict[str, Any]]:
    """The kept changes after `start`, oldest first."""
    lowest = max(start, floor(state, key))
    return [one for one in _all(state, key) if one["number"] > lowest]


def _all(state: SandboxState, key: str) -> list[dict[str, Any]]:
    arrived = [
        {
            "number": one.history_id,
            "at": one.at,
            "kind": "messagesAdded",
            "message": {"id": one.id, "threadId": one.thread_id, "labelIds": sorted(one.labels)},
            "labels": None,
        }
        for one in generated(state, key)
    ]
    later = [
        {**one, "at": datetime.fromisoformat(one["at"])}
        for one in state.store.list(_RECORDS, persona=key)
    ]
    return sorted((*arrived, *later), key=lambda one: one["number"])
