"""A person's mailbox: what the seed wrote, and what has happened to it since.

The generated letters are never stored: only changes are, so that a state file stays small.
"""

import base64
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from opside_sandbox.gmail.mailbox import changes
from opside_sandbox.gmail.mailbox.ids import new_id
from opside_sandbox.gmail.mailbox.message import Mail
from opside_sandbox.gmail.mailbox.written import generated
from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document

_ADDED, _TOUCHED = "gmail.added", "gmail.touched"


def messages(state: SandboxState, key: str) -> list[Mail]:
    """All of a person's messages, newest first."""
    touched = {one["id"]: one for one in state.store.list(_TOUCHED, persona=key)}
    added = [_restored(one) for one in state.store.list(_ADDED, persona=key)]
    found = [_changed(one, touched.get(one.id)) for one in (*generated(state, key), *added)]
    return sorted((one for one in found if one), key=lambda one: one.id, reverse=True)


def find(state: SandboxState, key: str, mail_id: str) -> Mail | None:
    """One message of this person, or None."""
    return next((one for one in messages(state, key) if one.id == mail_id), None)


def receive(
    state: SandboxState, key: str, raw: bytes, labels: Iterable[str], thread_id: str = ""
) -> Mail:
    """A message arrives now."""
    with state.store.transaction():
        now = state.clock.now()
        mail_id = new_id(state.seed, key, now, f"added{state.store.next_number('gmail_mail')}")
        mail = Mail(
            mail_id, thread_id or mail_id, now, frozenset(labels), changes.next_id(state, key), raw
        )
        body = {
            "persona": key,
            "id": mail.id,
            "thread_id": mail.thread_id,
            "at": mail.at.isoformat(),
            "labels": sorted(mail.labels),
            "history_id": mail.history_id,
            "raw": base64.b64encode(raw).decode(),
        }
        state.store.put(_ADDED, mail.id, body)
        changes.note(state, key, mail, "messagesAdded")
    return mail


def relabel(state: SandboxState, key: str, mail: Mail, add: set[str], remove: set[str]) -> Mail:
    """Put labels on and take labels off."""
    with state.store.transaction():
        put, taken = frozenset(add) - mail.labels, (mail.labels & remove) - add
        after = mail
        for kind, labels in (("labelsAdded", put), ("labelsRemoved", taken)):
            if not labels:
                continue
            kept = after.labels | labels if kind == "labelsAdded" else after.labels - labels
            after = replace(after, labels=kept, history_id=changes.next_id(state, key))
            changes.note(state, key, after, kind, labels)
        _touch(state, key, after, deleted=False)
    return after


def delete(state: SandboxState, key: str, mail: Mail) -> None:
    """Gone for good, past the bin."""
    with state.store.transaction():
        gone = replace(mail, history_id=changes.next_id(state, key))
        changes.note(state, key, gone, "messagesDeleted")
        _touch(state, key, gone, deleted=True)


def _touch(state: SandboxState, key: str, mail: Mail, *, deleted: bool) -> None:
    body = {
        "persona": key,
        "id": mail.id,
        "labels": sorted(mail.labels),
        "history_id": mail.history_id,
        "deleted": deleted,
    }
    state.store.put(_TOUCHED, f"{key}|{mail.id}", body)


def _changed(mail: Mail, touch: Document | None) -> Mail | None:
    if touch is None:
        return mail
    if touch["deleted"]:
        return None
    return replace(mail, labels=frozenset(touch["labels"]), history_id=touch["history_id"])


def _restored(body: Document) -> Mail:
    return Mail(
        body["id"],
        body["thread_id"],
        datetime.fromisoformat(body["at"]),
        frozenset(body["labels"]),
        body["history_id"],
        base64.b64decode(body["raw"]),
    )
