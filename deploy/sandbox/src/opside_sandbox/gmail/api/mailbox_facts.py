"""users.getProfile and users.labels."""

from typing import Any

from opside_sandbox.gmail.api.gate import Call, Method
from opside_sandbox.gmail.errors import not_found
from opside_sandbox.gmail.labels import all_labels
from opside_sandbox.gmail.mailbox import box, changes


def _profile(call: Call) -> dict[str, Any]:
    found = box.messages(call.state, call.person.key)
    return {
        "emailAddress": call.person.email,
        "messagesTotal": len(found),
        "threadsTotal": len({one.thread_id for one in found}),
        "historyId": str(changes.current(call.state, call.person.key)),
    }


def _labels(_call: Call) -> dict[str, Any]:
    return {"labels": all_labels()}


def _label(call: Call) -> dict[str, Any]:
    found = next((one for one in all_labels() if one["id"] == call.path["label_id"]), None)
    if found is None:
        raise not_found()
    mails = [one for one in box.messages(call.state, call.person.key) if found["id"] in one.labels]
    unread = [one for one in mails if "UNREAD" in one.labels]
    return {
        **found,
        "messagesTotal": len(mails),
        "messagesUnread": len(unread),
        "threadsTotal": len({one.thread_id for one in mails}),
        "threadsUnread": len({one.thread_id for one in unread}),
    }


METHODS = (
    Method("gmail.users.getProfile", "profile", 1, {}, _profile),
    Method("gmail.users.labels.list", "labels", 1, {}, _labels),
    Method("gmail.users.labels.get", "labels/{label_id}", 1, {}, _label),
)
