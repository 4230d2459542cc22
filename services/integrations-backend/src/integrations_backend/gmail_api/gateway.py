"""What we need of Google."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from integrations_backend.grants import Grant

READ_SCOPE = "https://www.googleapis.com/auth/gmail.readonly"


@dataclass(frozen=True, slots=True)
class MailGrant:
    """Tokens, and what the person really ticked."""

    grant: Grant
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Profile:
    """Whose mailbox it is, and where its history stands."""

    email: str
    history_id: str


@dataclass(frozen=True, slots=True)
class Ids:
    """One page of message ids, newest first."""

    ids: Sequence[str]
    next_page: str | None


@dataclass(frozen=True, slots=True)
class Changes:
    """Ids of messages that arrived since a point of the history, and where it stands now."""

    arrived: Sequence[str]
    history_id: str
    next_page: str | None


@dataclass(frozen=True, slots=True)
class MailFile:
    """A file in a message. The attachment id changes at each reading: the part id is the key."""

    part_id: str
    filename: str
    mime_type: str
    size: int
    attachment_id: str | None
    data: str | None
    """base64url of a small file that came with its message."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A message without its bodies."""

    id: str
    thread_id: str
    labels: frozenset[str]
    at: datetime
    sender: str
    to: str
    subject: str
    snippet: str
    files: tuple[MailFile, ...] = ()


class Gmail(Protocol):
    """Errors: see `gmail_api.errors` and `grants`. Nothing here may run inside a transaction."""

    def consent_url(self, state: str) -> str:
        """Where a person lets us read his mail; PKCE's verifier follows from the state."""
        ...

    async def exchange(self, code: str, *, state: str) -> MailGrant:
        """A consent code for tokens, once, with the state that began it."""
        ...

    async def refresh(self, refresh_token: str) -> Grant:
        """A fresh access token; Google's answer has no refresh token, the old one stays good."""
        ...

    async def revoke(self, token: str) -> None:
        """End the whole authorisation; a token that is dead already is no error."""
        ...

    async def profile(self, access_token: str) -> Profile:
        """Whose mailbox it is."""
        ...

    async def search(
        self, access_token: str, query: str, *, limit: int, page: str | None = None
    ) -> Ids:
        """Messages that Gmail's own search finds, without spam and bin; an empty query finds all."""
        ...

    async def changes(self, access_token: str, *, since: str, page: str | None = None) -> Changes:
        """What arrived since a history id; raises `NotThere` when that is too old."""
        ...

    async def headers(self, access_token: str, message_id: str) -> Mail:
        """Sender, subject, date and snippet."""
        ...

    async def message(self, access_token: str, message_id: str) -> Mail:
        """The message with its files."""
        ...

    async def download(
        self, access_token: str, message_id: str, file: MailFile, target: Path, *, most_bytes: int
    ) -> None:
        """Write a file of a message to `target`; raises `AttachmentTooLarge`."""
        ...
