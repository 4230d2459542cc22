"""A message, read from its bytes as Gmail reads it."""

import email
import email.message
import email.policy
import html
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

_SNIPPET = 190
_TAGS = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Part:
    """A MIME part; `content` is decoded, and UTF-8 where it is text. Ids are "", "0", "0.1"."""

    part_id: str
    mime_type: str
    filename: str
    headers: tuple[tuple[str, str], ...]
    content: bytes
    parts: tuple["Part", ...] = ()

    def walk(self) -> list["Part"]:
        """This part and all below it, in order."""
        return [self, *(one for part in self.parts for one in part.walk())]


@dataclass(frozen=True, slots=True)
class Mail:
    """A message in a mailbox; `labels` are Gmail's ids, `history_id` its last change."""

    id: str
    thread_id: str
    at: datetime
    labels: frozenset[str]
    history_id: int
    raw: bytes

    @property
    def root(self) -> Part:
        """The parsed message."""
        return parsed(self.raw)

    def header(self, name: str) -> str:
        """The first header of that name, or nothing."""
        wanted = name.lower()
        return next((value for key, value in self.root.headers if key.lower() == wanted), "")

    @property
    def text(self) -> str:
        """All that can be read in it without opening an attachment."""
        return _text(self.raw)

    @property
    def filenames(self) -> list[str]:
        """Of its attachments."""
        return [part.filename for part in self.root.walk() if part.filename]

    @property
    def snippet(self) -> str:
        """The first words, with HTML entities as Gmail writes them."""
        words = " ".join(self.text.split())
        return html.escape(words[:_SNIPPET])


@lru_cache(maxsize=8192)
def parsed(raw: bytes) -> Part:
    """The parts of a message's bytes. Any bytes are a message, if an odd one."""
    return _part(email.message_from_bytes(raw, policy=email.policy.default), "")


@lru_cache(maxsize=8192)
def _text(raw: bytes) -> str:
    leaves = [one for one in parsed(raw).walk() if not one.parts and not one.filename]
    plain = [one for one in leaves if one.mime_type == "text/plain"]
    chosen = plain or [one for one in leaves if one.mime_type == "text/html"]
    texts = (one.content.decode("utf-8", "replace") for one in chosen)
    if plain:
        return "\n".join(texts)
    return "\n".join(html.unescape(_TAGS.sub(" ", text)) for text in texts)


def _part(message: email.message.Message, part_id: str) -> Part:
    headers = tuple((name, _one_line(str(value))) for name, value in message.items())
    kind, filename = message.get_content_type(), message.get_filename() or ""
    if message.get_content_maintype() == "multipart":
        below = message.get_payload()
        children = [one for one in below if isinstance(one, email.message.Message)]
        prefix = f"{part_id}." if part_id else ""
        parts = tuple(_part(one, f"{prefix}{place}") for place, one in enumerate(children))
        return Part(part_id, kind, filename, headers, b"", parts)
    return Part(part_id, kind, filename, headers, _content(message))


def _content(message: email.message.Message) -> bytes:
    if message.is_multipart():  # an attached message
        return b"".join(
            one.as_bytes()
            for one in message.get_payload()
            if isinstance(one, email.message.Message)
        )
    data = message.get_payload(decode=True)
    if not isinstance(data, bytes):
        return b""
    if message.get_content_maintype() != "text" or message.get_filename():
        return data
    try:
        return data.decode(message.get_content_charset("utf-8"), "replace").encode()
    except LookupError:
        return data.decode("utf-8", "replace").encode()


def _one_line(value: str) -> str:
    return re.sub(r"\s*[\r\n]+\s*", " ", value)
