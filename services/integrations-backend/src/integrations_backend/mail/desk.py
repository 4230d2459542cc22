"""One user's mailbox at work: Google asked with his tokens, every answer stored at once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from integrations_backend.connections.provider_access import MailAccess
from integrations_backend.gmail_api.gateway import Gmail
from integrations_backend.mail import queries
from integrations_backend.mail.models import FoundMail, MailboxState
from opside_chassis.database import transaction

T = TypeVar("T")


@dataclass(slots=True)
class Desk:
    """What one run of a mailbox's job works with; `spent_units` are of this run."""

    access: MailAccess
    user_id: str
    account: str
    spent_units: int = 0

    async def ask(self, units: int, call: Callable[[Gmail, str], Awaitable[T]]) -> T:
        """Call Gmail with a good token; the units count whatever comes of it."""
        self.spent_units += units
        gmail = self.access.client
        return await self.access.call(self.user_id, lambda token: call(gmail, token))

    async def mailbox(self) -> MailboxState:
        """How far it was looked through."""
        async with transaction(self.access.sessions, tenant=self.user_id) as session:
            now = self.access.clock()
            return await queries.open_mailbox(session, self.user_id, self.account, now=now)

    async def note(self, **values: object) -> None:
        """Change the mailbox row."""
        async with transaction(self.access.sessions, tenant=self.user_id) as session:
            await queries.note(session, self.user_id, **values)

    async def found(self, message_ids: list[str]) -> None:
        """Messages to read."""
        async with transaction(self.access.sessions, tenant=self.user_id) as session:
            await queries.add_found(session, self.user_id, self.account, message_ids)

    async def next_mail(self) -> FoundMail | None:
        """The oldest message still to be read."""
        async with transaction(self.access.sessions, tenant=self.user_id) as session:
            return await queries.next_waiting(session, self.user_id, self.account)

    async def settle(self, mail: FoundMail, state: str, note: str = "") -> None:
        """What became of a message."""
        async with transaction(self.access.sessions, tenant=self.user_id) as session:
            await queries.settle(session, mail, state, note)

    async def count_try(self, mail: FoundMail, by: int) -> int:
        """Answers how often it was begun."""
        async with transaction(self.access.sessions, tenant=self.user_id) as session:
            return await queries.count_try(session, mail, by)
