"""Google's JSON to our words; a field that is absent or of another kind is a broken answer."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.header import decode_header, make_header
from typing import Any

from integrations_backend.gmail_api.errors import GmailUnavailable
from integrations_backend.gmail_api.gateway import Changes, Ids, Mail, MailFile

SHOWN_HEADERS = ("From", "To", "Subject", "Date")
_DEEPEST = 32
_MOST_FILES = 100
_LONGEST_HEADER = 1_000
_LONGEST_NAME = 200


def ids_of(answer: Mapping[str, Any]) -> Ids:
    """A page of messages.list."""
    found = [str(one["id"]) for one in answer.get("messages", [])]
    return Ids(found, answer.get("nextPageToken"))


def changes_of(answer: Mapping[str, Any]) -> Changes:
    """A page of history.list, asked for arrivals only."""
    arrived = [
        str(added["message"]["id"])
        for record in answer.get("history", [])
        for added in record.get("messagesAdded", [])
    ]
    return Changes(arrived, str(answer["historyId"]), answer.get("nextPageToken"))


def mail_of(answer: Mapping[str, Any]) -> Mail:
    """A message in format `metadata` or `full`."""
    payload = answer.get("payload") or {}
    headers = {
        str(one["name"]).lower(): _readable(str(one["value"])) for one in payload.get("headers", [])
    }
    try:
        at = datetime.fromtimestamp(int(answer["internalDate"]) / 1000, UTC)
    except (KeyError, ValueError, OverflowError, OSError) as error:
        raise GmailUnavailable("a message has no date") from error
    files = [one for _, one in zip(range(_MOST_FILES), _files(payload, 0), strict=False)]
    return Mail(
        id=str(answer["id"]),
        thread_id=str(answer.get("threadId", "")),
        labels=frozenset(map(str, answer.get("labelIds", []))),
        at=at,
        sender=headers.get("from", ""),
        to=headers.get("to", ""),
        subject=headers.get("subject", ""),
        snippet=_plain(str(answer.get("snippet", ""))),
        files=tuple(files),
    )


def _files(part: Mapping[str, Any], depth: int) -> Iterator[MailFile]:
    """Every named part, however deep; parts nest as their sender pleases, so there is an end."""
    if depth > _DEEPEST:
        return
    body = part.get("body") or {}
    name = _plain(str(part.get("filename") or ""))[:_LONGEST_NAME]
    if name and not part.get("parts"):
        yield MailFile(
            part_id=str(part.get("partId", "")),
            filename=name,
            mime_type=_plain(str(part.get("mimeType", "")))[:_LONGEST_NAME],
            size=int(body.get("size", 0)),
            attachment_id=body.get("attachmentId"),
            data=body.get("data"),
        )
    for inner in part.get("parts") or []:
        yield from _files(inner, depth + 1)


def _readable(header: str) -> str:
    """RFC 2047 words as text; what cannot be read stays as it is."""
    try:
        return _plain(str(make_header(decode_header(header[:_LONGEST_HEADER]))))
    except (LookupError, ValueError):
        return _plain(header[:_LONGEST_HEADER])


def _plain(text: str) -> str:
    """Without control characters and lone surrogates: a header is hostile input."""
    kept = "".join(one if one.isprintable() else " " for one in text)
    return kept.encode("utf-8", "replace").decode()
