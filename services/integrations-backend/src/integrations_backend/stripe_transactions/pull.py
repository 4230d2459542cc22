"""Pull what is new in a seller's Stripe account: page by page, each kept before the next is asked for."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from integrations_backend.connections.errors import NotConnectedYet, Reconnect
from integrations_backend.connections.provider_access import StripeAccess
from integrations_backend.grants import ProviderUnavailable
from integrations_backend.human_cases import open_case
from integrations_backend.stripe_oauth_api.errors import RequestRefused, Throttled
from integrations_backend.stripe_oauth_api.gateway import TransactionsPage
from integrations_backend.stripe_transactions import queries
from integrations_backend.stripe_transactions.models import StripePull
from opside_chassis.database import transaction

OVERLAP = timedelta(hours=1)
"""So far behind the cursor is asked again: a movement may show up later than a younger one."""
PAGE_PAUSE_SECONDS = 0.2
"""Five calls a second of one account: a fifth of what Stripe allows in test mode."""
WORK_SECONDS = 8.0
"""One run of the job pulls for so long, then lets others work; well under the job's 20 s."""
UNREADABLE = "stripe_row_unreadable"
"""The kind of the case that is opened for a movement that is not as Stripe describes it."""


class PullState(StrEnum):
    """How a pull ended."""

    COMPLETE = "complete"
    BEHIND = "behind"
    """There is more; the next run goes on."""
    ELSEWHERE = "elsewhere"
    """Another worker is pulling this account."""
    NOT_CONNECTED = "not_connected"
    RECONNECT = "reconnect"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Pulled:
    """How many movements were new, and how the pull ended."""

    new: int
    state: PullState


@dataclass(frozen=True, slots=True)
class Puller:
    """What pulling needs."""

    access: StripeAccess
    page_pause_seconds: float = PAGE_PAUSE_SECONDS

    async def run(self, user_id: str) -> Pulled:
        """Pull until the end, for a while at most; the place is kept for the next run."""
        try:
            account_id = await self.access.account(user_id)
        except NotConnectedYet:
            return Pulled(0, PullState.NOT_CONNECTED)
        except Reconnect:
            return Pulled(0, PullState.RECONNECT)
        loop = asyncio.get_running_loop()
        end, new = loop.time() + WORK_SECONDS, 0
        while True:
            place = await self._place(user_id, account_id)
            page = await self._page(place)
            if isinstance(page, PullState):
                return Pulled(new, page)
            added = await self._keep(place, page)
            if isinstance(added, PullState):
                return Pulled(new, added)
            new += added
            if not page.more:
                return Pulled(new, PullState.COMPLETE)
            if loop.time() > end:
                return Pulled(new, PullState.BEHIND)
            await asyncio.sleep(self.page_pause_seconds)

    async def _place(self, user_id: str, account_id: str) -> StripePull:
        async with transaction(self.access.sessions, tenant=user_id) as session:
            await queries.begin(session, user_id=user_id, account_id=account_id)
            place = await queries.pull_of(session, user_id)
        if place is None:
            raise LookupError(f"{user_id} has no place in his Stripe account")
        return place

    async def _page(self, place: StripePull) -> TransactionsPage | PullState:
        """The next page, or why there is none. A pull that stops is taken up by the next one."""
        since = None if place.newest_at is None else place.newest_at - OVERLAP
        stripe = self.access.client
        try:
            return await self.access.call(
                place.user_id,
                lambda token: stripe.transactions(token, since=since, after=place.page_after),
            )
        except Reconnect:
            state, problem = PullState.RECONNECT, "Stripe ended the access"
        except Throttled:
            state, problem = PullState.THROTTLED, "Stripe's rate limit"
        except ProviderUnavailable as error:
            state, problem = PullState.UNAVAILABLE, f"Stripe does not answer: {error}"
        except RequestRefused:
            state, problem = PullState.UNAVAILABLE, "Stripe does not know the place: from the start"
            async with transaction(self.access.sessions, tenant=place.user_id) as session:
                await queries.move_on(session, place, page_after=None, seen_newest_at=None)
        async with transaction(self.access.sessions, tenant=place.user_id) as session:
            await queries.note_problem(session, place.user_id, problem)
        return state

    async def _keep(self, place: StripePull, page: TransactionsPage) -> int | PullState:
        """Rows and the new place in one transaction; nothing when the account was left meanwhile."""
        user_id = place.user_id
        seen = [row.occurred_at for row in page.rows]
        newest = max([one for one in (place.seen_newest_at, *seen) if one], default=None)
        if page.more:
            moved: dict[str, object] = {"page_after": page.last_id, "seen_newest_at": newest}
        else:
            known = [one for one in (place.newest_at, newest) if one]
            moved = {
                "newest_at": max(known, default=None),
                "page_after": None,
                "seen_newest_at": None,
                "pulled_at": self.access.clock(),
                "problem": None,
            }
        async with transaction(self.access.sessions, tenant=user_id) as session:
            if not await self.access.still_linked(
                session, user_id=user_id, account_id=place.account_id
            ):
                return PullState.NOT_CONNECTED
            if not await queries.move_on(session, place, **moved):
                return PullState.ELSEWHERE
            for one in page.unreadable:
                await open_case(
                    session,
                    kind=UNREADABLE,
                    reference=f"{user_id}:{one}",
                    reason="Stripe's balance transaction is not as described",
                )
            return await queries.record(
                session, page.rows, user_id=user_id, account_id=place.account_id
            )
