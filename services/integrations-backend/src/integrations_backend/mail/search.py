"""The job of a connected mailbox: look for suppliers' papers, all of it once, then what is new.

Every move is stored before the next: a killed worker goes on where it was, and nothing is read twice.
"""

import random
from dataclasses import dataclass
from datetime import timedelta

from integrations_backend.archive import Archive
from integrations_backend.connections.access import connected_users
from integrations_backend.connections.connect_gmail import READ_MAILBOX
from integrations_backend.connections.errors import NotConnectedYet, Reconnect
from integrations_backend.connections.provider_access import MailAccess
from integrations_backend.gmail_api.errors import MailDenied, OverQuota
from integrations_backend.invoices.book import book_costs
from integrations_backend.invoices.keep import Papers
from integrations_backend.mail import queries
from integrations_backend.mail.desk import Desk
from integrations_backend.mail.find import find_mails
from integrations_backend.mail.read import read_mails
from integrations_backend.mail.rules import go_on_at, pause_seconds
from opside_chassis.database import transaction
from opside_chassis.outbox import RetryLater, StagedJob, stage
from opside_contracts.integrations.messages import Provider

STALE = timedelta(hours=1)
"""A look that has not ended by then was lost."""


@dataclass(frozen=True, slots=True)
class MailSearch:
    """What a look needs."""

    access: MailAccess
    archive: Archive

    async def stage_looks(self, _job: StagedJob) -> None:
        """One look for each connected mailbox at which no job is."""
        now = self.access.clock()
        for user_id in await connected_users(self.access.sessions, Provider.GMAIL):
            try:
                account = await self.access.account(user_id)
            except (NotConnectedYet, Reconnect):
                continue
            async with transaction(self.access.sessions, tenant=user_id) as session:
                free = await queries.claim_look(
                    session, user_id, account, now=now, stale=now - STALE
                )
                if free:
                    await stage(session, READ_MAILBOX, {"account": account}, tenant=user_id)

    async def look(self, job: StagedJob) -> None:
        """Find what is new, then read what was found.

        Raises:
            RetryLater: there is more than one run's work, or Gmail wants a pause.
        """
        user_id = job.tenant or ""
        try:
            account = await self.access.account(user_id)
        except (NotConnectedYet, Reconnect):
            return
        if account != job.payload["account"]:
            return  # another mailbox was connected meanwhile, and has a job of its own
        desk = Desk(self.access, user_id, account)
        try:
            await self._look(desk)
        except (NotConnectedYet, Reconnect):
            await self._end(desk, "connect Gmail again")
        except MailDenied as error:
            await self._end(desk, f"Google does not let us read this mailbox: {error.reason}")
        except OverQuota as error:
            refusals = (await desk.mailbox()).refusals
            await desk.note(refusals=refusals + 1)
            jitter = random.random()  # noqa: S311 - not a secret
            pause = pause_seconds(refusals, jitter)
            raise RetryLater(pause, "Gmail's quota of this user is spent") from error

    async def _look(self, desk: Desk) -> None:
        await find_mails(desk)
        finished, to_book = await read_mails(desk, Papers(self.access.sessions, self.archive))
        if to_book:
            await book_costs(self.access.sessions, self.archive, user_id=desk.user_id)
        if finished:
            await self._end(desk, None)
            return
        row = await desk.mailbox()
        spent, now = row.spent_units + desk.spent_units, self.access.clock()
        await desk.note(spent_units=spent, refusals=0)
        wait = go_on_at(row.looking_since or now, spent) - now
        raise RetryLater(max(0.0, wait.total_seconds()), "more messages to read")

    async def _end(self, desk: Desk, problem: str | None) -> None:
        await desk.note(
            looking_since=None,
            looked_at=self.access.clock(),
            problem=problem,
            spent_units=0,
            refusals=0,
        )
