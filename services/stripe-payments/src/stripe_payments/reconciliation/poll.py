"""Read what Stripe says happened into the same inbox as its deliveries: what came already is a repeat.

Each account has a cursor in Stripe's own time, stored with the events that it stands for. A restart
goes on from it, and however long the poller was away it reads what happened meanwhile, as far back as
Stripe lists events (30 days).
"""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from opside_chassis.clock import Clock, utc_now
from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import BadRequest
from opside_chassis.inbox import InboxEvent, receive
from stripe_payments.reconciliation import cursors
from stripe_payments.reconciliation.cursors import PLATFORM_ACCOUNT
from stripe_payments.roles import JANITOR
from stripe_payments.stripe_api.errors import OutcomeUnknown, Refused
from stripe_payments.stripe_api.gateway import Stripe
from stripe_payments.webhooks.apply import APPLY_STRIPE_EVENT, CONNECT_EVENTS, HANDLERS
from stripe_payments.webhooks.event import CONNECT, PLATFORM, check_listed, inbox_event

FIRST_LOOK = timedelta(minutes=30)
"""How far the very first look goes back."""
OVERLAP = timedelta(minutes=10)
"""Listed again each time: an event may show up later than it was made (money-safety 6)."""
FIRST_SPAN = timedelta(hours=1)
"""Of a longer absence, so much is read first; then twice as much, as long as it is few events."""
SHORTEST_SPAN = timedelta(seconds=1)
MOST_LOOKS = 12
"""Lists of one account a run; the next run goes on."""
ACCOUNTS_AT_ONCE = 100
"""Connected accounts a run, one list each as a rule: well below Stripe's 25 calls a second."""
EVENTS_AT_ONCE = 200
"""A transaction."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Span:
    """All events of an account that the last span did not have, and that were made before `until`."""

    events: Sequence[Mapping[str, Any]]
    until: datetime


async def spans(
    stripe: Stripe, account: str, *, since: datetime, clock: Clock
) -> AsyncIterator[Span]:
    """Everything from `since` on, in spans that one look takes whole; a bounded number of looks.

    Raises:
        OutcomeUnknown: Stripe did not answer.
    """
    width = FIRST_SPAN
    before = _end(since, width, clock())
    types = CONNECT_EVENTS if account else ()
    for _ in range(MOST_LOOKS):
        listed = await stripe.events(account, since=since, before=before, types=types)
        newest = max(map(_made_at, listed.events), default=since)
        if not listed.whole:
            if before is not None and before - since <= SHORTEST_SPAN:
                raise OutcomeUnknown("more events in a second than one look takes")
            width = _half(newest - since)
            before = since + width
            continue
        yield Span(listed.events, until=before or newest)
        if before is None:
            return
        since, width = before, 2 * width
        before = _end(since, width, clock())


@dataclass(frozen=True, slots=True)
class Poller:
    """One run."""

    sessions: Sessions
    stripe: Stripe
    clock: Clock = utc_now

    async def platform(self) -> None:
        """The platform's own events.

        Raises:
            OutcomeUnknown: Stripe did not answer; what was read is kept.
        """
        await self._read(PLATFORM_ACCOUNT)

    async def accounts(self) -> None:
        """Events of connected accounts; one that does not answer holds no other up."""
        async with transaction(self.sessions, role=JANITOR) as session:
            accounts = await cursors.longest_unread(session, limit=ACCOUNTS_AT_ONCE)
        for account in accounts:
            try:
                await self._read(account)
            except (OutcomeUnknown, Refused) as error:
                logger.warning(
                    "events of an account could not be listed",
                    extra={"account": account},
                    exc_info=error,
                )
                async with transaction(self.sessions, role=JANITOR) as session:
                    await cursors.touch(session, account)

    async def _read(self, account: str) -> None:
        async with transaction(self.sessions, role=JANITOR) as session:
            first = self.clock() - FIRST_LOOK
            since = await cursors.cursor_of(session, account, first=first) - OVERLAP
        async for span in spans(self.stripe, account, since=since, clock=self.clock):
            await self._store(account, span.events, until=span.until)

    async def _store(
        self, account: str, listed: Sequence[Mapping[str, Any]], *, until: datetime
    ) -> None:
        events = [event for event in (_stored(one, account) for one in listed) if event]
        for first in range(0, max(len(events), 1), EVENTS_AT_ONCE):
            async with transaction(self.sessions, role=JANITOR) as session:
                for event in events[first : first + EVENTS_AT_ONCE]:
                    await receive(session, event, kind=APPLY_STRIPE_EVENT)
                if first + EVENTS_AT_ONCE >= len(events):
                    await cursors.advance(session, account, until=until)


def _end(since: datetime, width: timedelta, now: datetime) -> datetime | None:
    """Open, as soon as what is left is short: Stripe's clock need not be ours."""
    return None if now - since <= width else since + width


def _stored(event: Mapping[str, Any], account: str) -> InboxEvent | None:
    if event["type"] not in HANDLERS:
        return None
    try:
        check_listed(event)
        return inbox_event(event, endpoint=CONNECT if account else PLATFORM, account=account)
    except BadRequest as error:
        # Deliveries of it are refused as well; its object is compared every night.
        logger.warning("an event cannot be stored", extra={"event": event["id"]}, exc_info=error)
        return None


def _made_at(event: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(event["created"], UTC)


def _half(span: timedelta) -> timedelta:
    return max(timedelta(seconds=span.total_seconds() // 2), SHORTEST_SPAN)
