"""What Stripe itself has written down: events and its own account, page by page."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import stripe

from stripe_payments.stripe_api.calls import answer
from stripe_payments.stripe_api.errors import OutcomeUnknown
from stripe_payments.stripe_api.gateway import BalanceChange
from stripe_payments.stripe_api.shapes import balance_change_of

MOST_EVENTS = 10_000
"""Of one look; thousands of commissions a half hour."""
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

    async def events_since(self, since: datetime) -> Sequence[Mapping[str, Any]]:
        """The platform's events from that moment on, oldest first."""
        events: list[Mapping[str, Any]] = []
        after: Any = {}
        while len(events) < MOST_EVENTS:
            query: Any = {"created": {"gte": int(since.timestamp())}, "limit": PAGE, **after}
            page = await answer(self._v1.events.list_async(query))
            # The SDK reads `unit_amount_decimal` and the like as Decimals: back to JSON, as delivered.
            events += json.loads(json.dumps(page["data"], default=str))
            if not page["has_more"]:
                break
            after = {"starting_after": page["data"][-1]["id"]}
        return events[::-1]

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
