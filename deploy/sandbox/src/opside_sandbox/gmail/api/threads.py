"""users.threads: conversations."""

from typing import Any

from opside_sandbox.gmail.api import parameters, present
from opside_sandbox.gmail.api.gate import Call, Method
from opside_sandbox.gmail.api.messages import LISTING, shown, wanted
from opside_sandbox.gmail.api.paging import page
from opside_sandbox.gmail.errors import not_found
from opside_sandbox.gmail.mailbox import box
from opside_sandbox.gmail.mailbox.message import Mail


def _list(call: Call) -> dict[str, Any]:
    """A conversation stands where its newest wanted message stands."""
    newest: dict[str, Mail] = {}
    for mail in wanted(call):
        newest.setdefault(mail.thread_id, mail)
    some, following = page(call, list(newest.values()), lambda mail: int(mail.id, 16))
    answer: dict[str, Any] = {"resultSizeEstimate": len(newest)}
    if some:
        answer["threads"] = [
            {"id": one.thread_id, "snippet": one.snippet, "historyId": str(one.history_id)}
            for one in some
        ]
    if following:
        answer["nextPageToken"] = following
    return answer


def _get(call: Call) -> dict[str, Any]:
    thread_id = call.path["thread_id"]
    found = [
        one
        for one in reversed(box.messages(call.state, call.person.key))
        if one.thread_id == thread_id
    ]
    if not found:
        raise not_found()
    return {
        "id": thread_id,
        "historyId": str(max(one.history_id for one in found)),
        "messages": [shown(call, one) for one in found],
    }


METHODS = (
    Method("gmail.users.threads.list", "threads", 10, LISTING, _list),
    Method(
        "gmail.users.threads.get",
        "threads/{thread_id}",
        40,
        {
            "format": parameters.choice(*(one for one in present.FORMATS if one != "raw")),
            "metadataHeaders": parameters.texts,
        },
        _get,
    ),
)
