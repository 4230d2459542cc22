"""The mailbox's history: numbered changes with gaps, forgotten after a while."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from opside_sandbox.gmail.mailbox.message import Mail
from opside_sandbox.gmail.mailbox.written import FIRST_HISTORY_ID, generated
from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document

KEPT_DAYS = 7
"""Gmail keeps history at least a week as a rule, sometimes only hours."""
_RECORDS, _HEADS, _FLOORS = "gmail.history", "gmail.heads", "gmail.history_floor"


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to a message; `kind` as in the API, `mail_labels` as they are after it."""

    number: int
    at: datetime
    kind: str
    mail_id: str
    thread_id: str
    mail_labels: tuple[str, ...]
    labels: tuple[str, ...] = ()


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
    state: SandboxState, key: str, mail: Mail, kind: str, labels: frozenset[str] = frozenset()
) -> None:
    """Remember a change; `mail` is as it stands after it."""
    body = {
        "persona": key,
        "number": mail.history_id,
        "at": state.clock.now().isoformat(),
        "kind": kind,
        "mail_id": mail.id,
        "thread_id": mail.thread_id,
        "mail_labels": sorted(mail.labels),
        "labels": sorted(labels),
    }
    state.store.put(_RECORDS, f"{key}|{mail.history_id}", body)


def forget(state: SandboxState, key: str) -> int:
    """Gmail drops everything up to now; the number below which nothing is known."""
    value = current(state, key)
    state.store.put(_FLOORS, key, {"value": value})
    return value


def floor(state: SandboxState, key: str) -> int:
    """The newest change that is too old to be kept: no list can start below it."""
    planned = int((state.store.get(_FLOORS, key) or {"value": 0})["value"])
    limit = state.clock.now() - timedelta(days=KEPT_DAYS)
    return max([planned, *(one.number for one in _all(state, key) if one.at < limit)])


def since(state: SandboxState, key: str, start: int) -> list[Change]:
    """The changes after `start`, oldest first."""
    return [one for one in _all(state, key) if one.number > start]


def _all(state: SandboxState, key: str) -> list[Change]:
    arrived = [
        Change(
            one.history_id, one.at, "messagesAdded", one.id, one.thread_id,
            tuple(sorted(one.labels)),
        )
        for one in generated(state, key)
    ]  # fmt: skip
    later = [_restored(one) for one in state.store.list(_RECORDS, persona=key)]
    return sorted((*arrived, *later), key=lambda one: one.number)


def _restored(body: Document) -> Change:
    return Change(
        body["number"],
        datetime.fromisoformat(body["at"]),
        body["kind"],
        body["mail_id"],
        body["thread_id"],
        tuple(body["mail_labels"]),
        tuple(body["labels"]),
    )
