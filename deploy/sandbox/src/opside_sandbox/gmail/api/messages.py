"""users.messages: list, get, and the attachments."""

from typing import Any

from opside_sandbox.gmail.api import attachments, parameters, present
from opside_sandbox.gmail.api.gate import Call, Method
from opside_sandbox.gmail.api.paging import page
from opside_sandbox.gmail.errors import invalid, not_found
from opside_sandbox.gmail.mailbox import box
from opside_sandbox.gmail.mailbox.message import Mail, Part
from opside_sandbox.gmail.search.match import Asker, matches, shows_hidden
from opside_sandbox.gmail.search.query import parse

_HEX = set("0123456789abcdef")
MOST = 500


def wanted(call: Call) -> list[Mail]:
    """The messages that a list asks for, newest first; spam and bin on demand only."""
    found = box.messages(call.state, call.person.key)
    labels = set(call.values.get("labelIds", []))
    query = parse(call.values.get("q", ""))
    hidden = {"SPAM", "TRASH"} - labels
    if call.values.get("includeSpamTrash") or shows_hidden(query):
        hidden = set()
    asker = Asker(call.person.email, call.state.clock.now())
    return [
        one
        for one in found
        if labels <= one.labels and not hidden & one.labels and matches(query, one, asker)
    ]


def known(call: Call) -> Mail:
    """The message of the path. Raises ApiError."""
    mail_id = call.path["message_id"]
    if not mail_id or not set(mail_id.lower()) <= _HEX or len(mail_id) > 16:
        raise invalid("Invalid id value")
    found = box.find(call.state, call.person.key, mail_id.lower())
    if found is None:
        raise not_found()
    return found


def shown(call: Call, mail: Mail) -> dict[str, Any]:
    """A message in the format that the call asks for."""

    def attachment_id(part: Part) -> str:
        return attachments.issue(call.state, mail, part)

    form = call.values.get("format", ["full"])[-1]
    return present.resource(mail, form, call.values.get("metadataHeaders", []), attachment_id)


def _list(call: Call) -> dict[str, Any]:
    found = wanted(call)
    some, following = page(call, found, lambda mail: int(mail.id, 16))
    answer: dict[str, Any] = {"resultSizeEstimate": len(found)}
    if some:
        answer["messages"] = [present.reference(one) for one in some]
    if following:
        answer["nextPageToken"] = following
    return answer


def _get(call: Call) -> dict[str, Any]:
    return shown(call, known(call))


def _attachment(call: Call) -> dict[str, Any]:
    mail = known(call)
    part = attachments.opened(call.state, mail, call.path["attachment_id"])
    return {"size": len(part.content), "data": present.base64url(mail, part.content)}


LISTING: dict[str, parameters.Kind] = {
    "q": parameters.text,
    "labelIds": parameters.texts,
    "includeSpamTrash": parameters.flag,
    "maxResults": parameters.count(MOST),
    "pageToken": parameters.text,
}
METHODS = (
    Method("gmail.users.messages.list", "messages", 5, LISTING, _list),
    Method(
        "gmail.users.messages.get",
        "messages/{message_id}",
        20,
        {
            "format": parameters.choice(*present.FORMATS),
            "metadataHeaders": parameters.texts,
        },
        _get,
    ),
    Method(
        "gmail.users.messages.attachments.get",
        "messages/{message_id}/attachments/{attachment_id}",
        20,
        {},
        _attachment,
    ),
)
