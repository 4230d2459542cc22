"""Messages in the shapes of the discovery document."""

import base64
from collections.abc import Callable
from typing import Any

from opside_sandbox.gmail.mailbox.message import Mail, Part

AttachmentId = Callable[[Part], str]
FORMATS = ("full", "metadata", "minimal", "raw")


def base64url(mail: Mail, content: bytes) -> str:
    """base64url; the padding is there or not, so that nobody counts on it."""
    text = base64.urlsafe_b64encode(content).decode()
    return text if int(mail.id[-1], 16) % 2 else text.rstrip("=")


def reference(mail: Mail) -> dict[str, str]:
    """What a list shows of a message."""
    return {"id": mail.id, "threadId": mail.thread_id}


def resource(
    mail: Mail, form: str, wanted_headers: list[str], attachment_id: AttachmentId
) -> dict[str, Any]:
    """A message in one of FORMATS; `wanted_headers` (none: all) bears on `metadata` only."""
    body: dict[str, Any] = {
        **reference(mail),
        "labelIds": sorted(mail.labels),
        "snippet": mail.snippet,
        "sizeEstimate": len(mail.raw),
        "historyId": str(mail.history_id),
        "internalDate": str(int(mail.at.timestamp() * 1000)),
    }
    if not mail.labels:
        del body["labelIds"]
    if form == "raw":
        body["raw"] = base64url(mail, mail.raw)
    elif form == "full":
        body["payload"] = _part(mail, mail.root, attachment_id)
    elif form == "metadata":
        wanted = {name.lower() for name in wanted_headers}
        kept = [pair for pair in mail.root.headers if not wanted or pair[0].lower() in wanted]
        body["payload"] = {"mimeType": mail.root.mime_type, "headers": _headers(kept)}
    return body


def _headers(pairs: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _part(mail: Mail, part: Part, attachment_id: AttachmentId) -> dict[str, Any]:
    """A part; the content of attachments stays behind an id."""
    size = len(part.content)
    shown: dict[str, Any] = {
        "partId": part.part_id,
        "mimeType": part.mime_type,
        "filename": part.filename,
        "headers": _headers(list(part.headers)),
        "body": {"size": size},
    }
    if part.parts:
        shown["parts"] = [_part(mail, one, attachment_id) for one in part.parts]
    elif part.filename and size:
        shown["body"]["attachmentId"] = attachment_id(part)
    elif size:
        shown["body"]["data"] = base64url(mail, part.content)
    return shown
