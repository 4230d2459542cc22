"""A Stripe account in memory, passed in where the service expects Stripe."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from integrations_backend.grants import Grant, GrantRefused
from integrations_backend.stripe_oauth_api.errors import TokenRefused
from integrations_backend.stripe_oauth_api.gateway import (
    Account,
    AccountGrant,
    BalanceTransaction,
    TransactionsPage,
)
from integrations_backend.stripe_oauth_api.identifiers import Identifier
from opside_chassis.database import refuse_open_transaction

ACCOUNT = "acct_fake"


def movement(
    name: str, at: datetime, amount: int = 1_000, *, names: tuple[Identifier, ...] = ()
) -> BalanceTransaction:
    """A sale less Stripe's fee."""
    return BalanceTransaction(
        transaction_id=f"txn_{name}",
        kind="charge",
        category="charge",
        amount_minor=amount,
        fee_minor=59,
        net_minor=amount - 59,
        currency="usd",
        occurred_at=at,
        available_on=at,
        source_id=f"ch_{name}",
        description=None,
        identifiers=names,
    )


@dataclass
class FakeStripe:
    """Lists as Stripe does: newest first. `fail` breaks the next calls of a name; `look` sees each."""

    movements: list[BalanceTransaction] = field(default_factory=list)
    page_size: int = 2
    fail: dict[str, list[BaseException]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    asked_since: list[datetime | None] = field(default_factory=list)
    withdrawn: bool = False
    grants: int = 0
    look: Callable[[str], Awaitable[None]] | None = None
    account_id: str = ACCOUNT

    async def _point(self, name: str) -> None:
        refuse_open_transaction()
        self.calls.append(name)
        if self.look is not None:
            await self.look(name)
        if waiting := self.fail.get(name, []):
            raise waiting.pop(0)

    def consent_url(self, state: str) -> str:
        return f"https://connect.stripe.example/oauth/authorize?state={state}"

    def _grant(self) -> Grant:
        if self.withdrawn:
            raise GrantRefused
        self.grants += 1
        return Grant(f"access-{self.grants}", f"refresh-{self.grants}", None)

    async def exchange(self, code: str) -> AccountGrant:
        await self._point("exchange")
        return AccountGrant(self._grant(), self.account_id)

    async def refresh(self, refresh_token: str) -> Grant:
        await self._point("refresh")
        return self._grant()

    async def deauthorize(self, account_id: str) -> None:
        await self._point("deauthorize")

    async def account(self, access_token: str) -> Account:
        await self._point("account")
        self._check(access_token)
        return Account(self.account_id, "Shop", None, "US", "usd", True, True, True)

    async def transactions(
        self, access_token: str, *, since: datetime | None, after: str | None
    ) -> TransactionsPage:
        await self._point("transactions")
        self._check(access_token)
        self.asked_since.append(since)
        known = sorted(
            (one for one in self.movements if since is None or one.occurred_at >= since),
            key=lambda one: (one.occurred_at, one.transaction_id),
            reverse=True,
        )
        if after is not None:
            names = [one.transaction_id for one in known]
            known = known[names.index(after) + 1 :]
        rows = known[: self.page_size]
        more = len(known) > self.page_size
        return TransactionsPage(rows, rows[-1].transaction_id if rows else None, more)

    def _check(self, access_token: str) -> None:
        if self.withdrawn or access_token != f"access-{self.grants}":
            raise TokenRefused("the fake")
