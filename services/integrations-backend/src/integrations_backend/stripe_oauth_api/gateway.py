"""What we need of a seller's own Stripe account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from integrations_backend.grants import Grant
from integrations_backend.stripe_oauth_api.identifiers import Identifier


@dataclass(frozen=True, slots=True)
class AccountGrant:
    """Tokens, and the account that they open, as Stripe itself names it."""

    grant: Grant
    account_id: str


@dataclass(frozen=True, slots=True)
class Account:
    """What Stripe says of the account. `name` and `email` are the business's own."""

    account_id: str
    name: str | None
    email: str | None
    country: str
    default_currency: str
    charges_enabled: bool
    payouts_enabled: bool
    details_submitted: bool


@dataclass(frozen=True, slots=True)
class BalanceTransaction:
    """One movement of the account's money, in signed minor units; `net` = `amount` - `fee`.

    `identifiers` are the names in its source's metadata by which it may belong to a case.
    """

    transaction_id: str
    kind: str
    category: str
    amount_minor: int
    fee_minor: int
    net_minor: int
    currency: str
    occurred_at: datetime
    available_on: datetime
    source_id: str | None
    description: str | None
    identifiers: tuple[Identifier, ...] = ()


@dataclass(frozen=True, slots=True)
class TransactionsPage:
    """One page, newest first. `unreadable` are ids of rows that are not as Stripe describes them."""

    rows: Sequence[BalanceTransaction]
    last_id: str | None
    more: bool
    unreadable: Sequence[str] = ()


class StripeOAuth(Protocol):
    """Errors: see `stripe_oauth_api.errors`. Nothing here may run inside a transaction."""

    def consent_url(self, state: str) -> str:
        """Where a seller links his account."""
        ...

    async def exchange(self, code: str) -> AccountGrant:
        """A consent code for tokens, once."""
        ...

    async def refresh(self, refresh_token: str) -> Grant:
        """A fresh access token; the refresh token in the answer replaces the old one."""
        ...

    async def deauthorize(self, account_id: str) -> None:
        """End the platform's access; an account that is not connected is fine as well."""
        ...

    async def account(self, access_token: str) -> Account:
        """The account that the token opens: proof that the grant works."""
        ...

    async def transactions(
        self, access_token: str, *, since: datetime | None, after: str | None
    ) -> TransactionsPage:
        """Balance transactions made at `since` or later, newest first, after the one named."""
        ...
