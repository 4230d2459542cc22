"""users.history.list: what has changed since a number, while Gmail still knows."""

from typing import Any

from opside_sandbox.gmail.api import parameters
from opside_sandbox.gmail.api.gate import Call, Method
from opside_sandbox.gmail.api.paging import page
from opside_sandbox.gmail.errors import ApiError, not_found
from opside_sandbox.gmail.mailbox import changes
from opside_sandbox.gmail.mailbox.changes import Change

_KINDS = {
    "messageAdded": "messagesAdded",
    "messageDeleted": "messagesDeleted",
    "labelAdded": "labelsAdded",
    "labelRemoved": "labelsRemoved",
}
_HIGHEST = 2**63


def _wanted(call: Call, change: Change) -> bool:
    kinds = {_KINDS[one] for one in call.values.get("historyTypes", _KINDS)}
    label = call.values.get("labelId")
    return change.kind in kinds and (not label or label in {*change.mail_labels, *change.labels})


def _record(change: Change) -> dict[str, Any]:
    bare = {"id": change.mail_id, "threadId": change.thread_id}
    detail: dict[str, Any] = {"message": {**bare, "labelIds": list(change.mail_labels)}}
    if change.labels:
        detail["labelIds"] = list(change.labels)
    return {"id": str(change.number), "messages": [bare], change.kind: [detail]}


def _list(call: Call) -> dict[str, Any]:
    start = call.values.get("startHistoryId")
    if start is None:
        raise ApiError(400, "Missing startHistoryId", "invalidArgument")
    key, newest = call.person.key, changes.current(call.state, call.person.key)
    if start > newest or start < changes.floor(call.state, key):
        raise not_found()
    found = [one for one in changes.since(call.state, key, start) if _wanted(call, one)]
    some, following = page(call, found, lambda one: _HIGHEST - one.number)
    answer: dict[str, Any] = {"historyId": str(newest)}
    if some:
        answer["history"] = [_record(one) for one in some]
    if following:
        answer["nextPageToken"] = following
    return answer


METHODS = (
    Method(
        "gmail.users.history.list",
        "history",
        2,
        {
            "startHistoryId": parameters.history_number,
            "historyTypes": parameters.choice(*_KINDS),
            "labelId": parameters.text,
            "maxResults": parameters.count(500),
            "pageToken": parameters.text,
        },
        _list,
    ),
)
