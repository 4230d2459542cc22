"""What the owner of a mailbox sees of it: lists and searches, headers only."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from integrations_backend.connections.provider_access import MailAccess
from integrations_backend.gmail_api.errors import (
    GmailUnavailable,
    MailDenied,
    MailRequestRefused,
    NotThere,
    OverQuota,
)
from integrations_backend.gmail_api.gateway import Mail
from integrations_backend.mail import queries
from integrations_backend.mail.errors import MailForbidden, MailQuotaSpent, SearchRefused
from opside_chassis.database import transaction
from opside_chassis.errors import Unavailable
from opside_chassis.pagination import Page
from opside_chassis.wire import AnswerModel

T = TypeVar("T")
MOST_TRIES = 3
FIRST_PAUSE_SECONDS = 0.5
AT_ONCE = 5
"""Headers asked for side by side; Gmail counts its quota by the second as well."""
WAIT_SECONDS = 60


class MailProgress(AnswerModel):
    """How far the search for papers is; `problem` is Google's last word against it."""

    account_id: str
    looking: bool
    looked_at: datetime | None
    waiting: int
    read: int
    problem: str | None


class MailLine(AnswerModel):
    """One message; nothing of its body but Gmail's snippet."""

    id: str
    thread_id: str
    sender: str
    to: str
    subject: str
    snippet: str
    received_at: datetime
    labels: list[str]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The mailbox of one user, as he looks at it."""

    access: MailAccess
    user_id: str
    pause_seconds: float = FIRST_PAUSE_SECONDS

    async def progress(self) -> MailProgress:
        """Of the search for papers. Raises as `find` does where there is no mailbox to read."""
        account = await self.access.account(self.user_id)
        async with transaction(self.access.sessions, tenant=self.user_id) as session:
            row, counts = await queries.progress(session, self.user_id)
        if row is None or row.account_id != account:
            return MailProgress(
                account_id=account, looking=True, looked_at=None, waiting=0, read=0, problem=None
            )
        return MailProgress(
            account_id=account,
            looking=row.looking_since is not None,
            looked_at=row.looked_at,
            waiting=counts.get("waiting", 0),
            read=sum(counts.values()) - counts.get("waiting", 0),
            problem=row.problem,
        )

    async def find(self, query: str, *, limit: int, cursor: str | None) -> Page[MailLine]:
        """Messages, newest first; an empty query finds all but spam and bin.

        Raises:
            NotConnectedYet, Reconnect: there is no mailbox that we may read.
            MailForbidden, MailQuotaSpent, SearchRefused, Unavailable: Google's word.
        """
        await self.access.account(self.user_id)
        gmail = self.access.client
        found = await self._ask(lambda token: gmail.search(token, query, limit=limit, page=cursor))
        gate = asyncio.Semaphore(AT_ONCE)

        async def headers(message_id: str) -> Mail | None:
            async with gate:
                try:
                    return await self._ask(lambda token: gmail.headers(token, message_id))
                except NotThere:
                    return None  # deleted since the list was made

        mails = await asyncio.gather(*(headers(one) for one in found.ids))
        lines = [_line(mail) for mail in mails if mail is not None]
        return Page[MailLine](items=lines, next_cursor=found.next_page)

    async def _ask(self, ask: Callable[[str], Awaitable[T]]) -> T:
        """Once more, ever later, when Google says that it was too much at once."""
        for tried in range(1, MOST_TRIES + 1):
            try:
                return await self.access.call(self.user_id, ask)
            except OverQuota:
                if tried == MOST_TRIES:
                    break
                jitter = 0.5 + random.random()  # noqa: S311 - not a secret
                await asyncio.sleep(self.pause_seconds * 2 ** (tried - 1) * jitter)
            except MailDenied as error:
                raise MailForbidden(
                    f"Google does not let us read this mailbox: {error.reason}"
                ) from error
            except MailRequestRefused as error:
                raise SearchRefused("Google does not take this search") from error
            except GmailUnavailable as error:
                raise Unavailable("Gmail does not answer", retry_after_seconds=5) from error
        raise MailQuotaSpent(
            "Gmail allows no more calls for this account in this minute",
            retry_after_seconds=WAIT_SECONDS,
        )


def _line(mail: Mail) -> MailLine:
    return MailLine(
        id=mail.id,
        thread_id=mail.thread_id,
        sender=mail.sender,
        to=mail.to,
        subject=mail.subject,
        snippet=mail.snippet,
        received_at=mail.at,
        labels=sorted(mail.labels),
    )
