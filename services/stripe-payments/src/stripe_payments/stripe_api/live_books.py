"""What Stripe itself has written down: events and its own account, page by page."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import stripe

from stripe_payments.stripe_api.calls import answer
from stripe_payments.stripe_api.errors import OutcomeUnknown
from stripe_payments.stripe_api.gateway import BalanceChange, ListedEvents
from stripe_payments.stripe_api.shapes import balance_change_of

MOST_EVENTS = 2_000
"""Of one look, so that it ends well within the time of a job; more are read in shorter spans."""
MOST_LINES = 100_000
"""Of one comparison; a busier platform compares shorter spans."""
PAGE = 100


class LiveBooks:
    """Reading only; `LiveStripe` adds what changes things."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._v1 = client.v1

    async def balance_changes(self, *, since: datetime) -> Sequence[BalanceChange]:
        """Every line of the platform's account from that moment on, oldest first."""
        span = {"gte": int(since.timestamp())}
        lines = await self._pages(self._v1.balance_transactions.list_async, {"created": span})
        return [balance_change_of(line) for line in lines][::-1]

    async def balance_changes_of(self, source_id: str) -> Sequence[BalanceChange]:
        """Every line that one object caused."""
        lines = await self._pages(self._v1.balance_transactions.list_async, {"source": source_id})
        return [balance_change_of(line) for line in lines]

    async def balance(self) -> Mapping[str, int]:
        """The platform's balance by currency, what is not available yet included."""
        found = await answer(self._v1.balance.retrieve_async())
        totals: dict[str, int] = {}
        for part in (*found["available"], *found["pending"]):
            totals[part["currency"]] = totals.get(part["currency"], 0) + part["amount"]
        return totals

    async def events(
        self, account: str, *, since: datetime, before: datetime | None, types: Sequence[str] = ()
    ) -> ListedEvents:
        """Events made from `since` on and before `before`, oldest first."""
        span = {"gte": int(since.timestamp())}
        if before is not None:
            span["lt"] = int(before.timestamp())
        query: Any = {"created": span, "limit": PAGE}
        if types:
            query["types"] = list(types)
        options: Any = {"stripe_account": account} if account else {}
        events: list[Mapping[str, Any]] = []
        more = True
        while more and len(events) < MOST_EVENTS:
            page = await answer(self._v1.events.list_async(query, options))
            # The SDK reads `unit_amount_decimal` and the like as Decimals: back to JSON, as delivered.
            events += json.loads(json.dumps(page["data"], default=str))
            more = bool(page["has_more"])
            if more:
                query["starting_after"] = page["data"][-1]["id"]
        return ListedEvents(events[::-1], whole=not more)

    async def _pages(
        self, list_page: Callable[[Any], Awaitable[Any]], query: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """Every object of a list, newest first; raises `OutcomeUnknown` when it has no end."""
        found: list[dict[str, Any]] = []
        after: dict[str, str] = {}
        while len(found) < MOST_LINES:
            page = await answer(list_page({**query, **after, "limit": PAGE}))
            found += page["data"]
            if not page["has_more"]:
                return found
            after = {"starting_after": page["data"][-1]["id"]}
        raise OutcomeUnknown(f"more than {MOST_LINES} lines")
