"""What we need of Stripe, in our own frozen types. Amounts are minor units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from stripe_payments.stripe_api.plans import (
    NewSubscription,
    StartedSubscription,
    StripeInvoice,
    StripeSubscription,
)


@dataclass(frozen=True, slots=True)
class Intent:
    """A PaymentIntent. `failure_code` is that of its last attempt."""

    id: str
    status: str
    amount_minor: int
    currency: str
    latest_charge_id: str | None = None
    failure_code: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge; `fee_minor` is None until its balance transaction exists."""

    id: str
    intent_id: str | None
    amount_minor: int
    currency: str
    fee_minor: int | None


@dataclass(frozen=True, slots=True)
class CardSetup:
    """A SetupIntent."""

    id: str
    status: str
    client_secret: str
    customer_id: str | None
    payment_method_id: str | None


@dataclass(frozen=True, slots=True)
class Account:
    """A connected account and what it can do."""

    id: str
    charges_enabled: bool
    payouts_enabled: bool
    details_submitted: bool
    transfers_active: bool
    requirements_due: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OnboardingLink:
    """A page where the seller completes his account; good once, for minutes."""

    url: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class SellerTransfer:
    """A transfer to a connected account."""

    id: str
    amount_minor: int
    currency: str
    destination: str
    group: str | None


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back to a payer. `status` is Stripe's: pending, succeeded, failed, ..."""

    id: str
    charge_id: str
    amount_minor: int
    currency: str
    status: str
    failure_reason: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """The money is, or stays, with us."""
        return self.status in {"failed", "canceled"}


@dataclass(frozen=True, slots=True)
class TransferReversal:
    """A part of a transfer that came back."""

    id: str
    transfer_id: str
    amount_minor: int
    currency: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Card:
    """A saved card, as much of it as may be shown."""

    id: str
    customer_id: str | None
    brand: str
    last_four: str
    expiry_month: int
    expiry_year: int


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """Where Stripe delivers. The secret is known right after making it only."""

    id: str
    name: str
    url: str
    events: tuple[str, ...]
    enabled: bool
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class BalanceChange:
    """One line of the platform's own account at Stripe. `net_minor` is what the balance moved by."""

    id: str
    source_id: str
    """The charge, refund, transfer, ... that moved it."""
    type: str
    net_minor: int
    currency: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ListedEvents:
    """Events as Stripe lists them; when there are too many, only the newest, and not the `whole`."""

    events: Sequence[Mapping[str, Any]]
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Dispute:
    """A payer's bank takes a charge back, or asks about it."""

    id: str
    intent_id: str | None
    amount_minor: int
    currency: str
    status: str
    reason: str

    @property
    def harmless(self) -> bool:
        """It ended without taking money."""
        return self.status in {"won", "warning_closed", "prevented"}


@dataclass(frozen=True, slots=True)
class NewRefund:
    """Everything a refund is made from."""

    clawback_id: str
    attempt: int
    charge_id: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class NewReversal:
    """Everything a transfer reversal is made from."""

    clawback_id: str
    transfer_id: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class NewIntent:
    """Everything an intent is made from."""

    commission_id: str
    amount_minor: int
    currency: str
    customer_id: str | None
    payment_method_id: str | None


@dataclass(frozen=True, slots=True)
class NewTransfer:
    """Everything a transfer is made from."""

    commission_id: str
    amount_minor: int
    currency: str
    destination: str
    charge_id: str


class Stripe(Protocol):
    """Every method raises `OutcomeUnknown` or `Refused`; none may run inside a transaction."""

    async def create_intent(self, new: NewIntent, *, idempotency_key: str) -> Intent:
        """An intent that is not confirmed yet."""
        ...

    async def confirm_intent(
        self, intent_id: str, *, payment_method_id: str, idempotency_key: str
    ) -> Intent:
        """Charge the saved card; a decline is an answer, not an error."""
        ...

    async def intent(self, intent_id: str) -> Intent:
        """Fetch."""
        ...

    async def intents_of(self, customer_id: str, *, since: datetime) -> Sequence[Intent]:
        """Every intent of a customer from that moment on, with its metadata."""
        ...

    async def cancel_intent(self, intent_id: str, *, idempotency_key: str) -> Intent:
        """Cancel an intent that nothing was charged on; nobody can pay it any more."""
        ...

    async def charge(self, charge_id: str) -> Charge:
        """Fetch, with its balance transaction."""
        ...

    async def create_customer(self, *, user_id: str, idempotency_key: str) -> str:
        """A customer; answers its id."""
        ...

    async def set_customer_email(self, customer_id: str, email: str) -> None:
        """Where Stripe sends receipts."""
        ...

    async def cards(self, customer_id: str) -> Sequence[Card]:
        """The saved cards of a customer, newest first."""
        ...

    async def card(self, payment_method_id: str) -> Card:
        """Fetch."""
        ...

    async def detach_card(self, payment_method_id: str) -> None:
        """Forget a card for good; it can never be charged again."""
        ...

    async def create_setup(self, customer_id: str, *, idempotency_key: str) -> CardSetup:
        """A SetupIntent for charging later without the customer."""
        ...

    async def setup(self, setup_id: str) -> CardSetup:
        """Fetch."""
        ...

    async def create_account(self, *, user_id: str, country: str, idempotency_key: str) -> Account:
        """An Express account that may receive transfers once it is onboarded."""
        ...

    async def set_account_email(self, account_id: str, email: str) -> None:
        """Prefills the onboarding page."""
        ...

    async def account(self, account_id: str) -> Account:
        """Fetch."""
        ...

    async def onboarding_link(
        self, account_id: str, *, return_url: str, refresh_url: str
    ) -> OnboardingLink:
        """A fresh link; making one again is harmless."""
        ...

    async def create_transfer(self, new: NewTransfer, *, idempotency_key: str) -> SellerTransfer:
        """Move collected money to the seller's account."""
        ...

    async def transfers_of(self, commission_id: str) -> Sequence[SellerTransfer]:
        """All transfers of a commission; lists are consistent at once, unlike search."""
        ...

    async def refund(self, new: NewRefund, *, idempotency_key: str) -> Refund:
        """Give money back to the card that was charged."""
        ...

    async def fetch_refund(self, refund_id: str) -> Refund:
        """Fetch."""
        ...

    async def refunds_of(self, charge_id: str) -> Sequence[Refund]:
        """All refunds of a charge."""
        ...

    async def reverse_transfer(self, new: NewReversal, *, idempotency_key: str) -> TransferReversal:
        """Take a part of a transfer back from the connected account."""
        ...

    async def reversals_of(self, transfer_id: str) -> Sequence[TransferReversal]:
        """All reversals of a transfer."""
        ...

    async def create_subscription(
        self, new: NewSubscription, *, idempotency_key: str
    ) -> StartedSubscription:
        """Subscribe, and charge the first period to the saved card."""
        ...

    async def cancel_at_period_end(self, subscription_id: str) -> StripeSubscription:
        """Let it run out; asking again changes nothing."""
        ...

    async def started_subscription(self, subscription_id: str) -> StartedSubscription:
        """Fetch, with the secret of a first payment that waits for its owner."""
        ...

    async def subscriptions_of(self, customer_id: str) -> Sequence[StripeSubscription]:
        """All of a customer that have not ended."""
        ...

    async def subscription(self, subscription_id: str) -> StripeSubscription:
        """Fetch."""
        ...

    async def invoice(self, invoice_id: str) -> StripeInvoice:
        """Fetch, with its payments."""
        ...

    async def dispute(self, dispute_id: str) -> Dispute:
        """Fetch."""
        ...

    async def balance_changes(self, *, since: datetime) -> Sequence[BalanceChange]:
        """Every line of the platform's account from that moment on, oldest first."""
        ...

    async def balance_changes_of(self, source_id: str) -> Sequence[BalanceChange]:
        """Every line that one object caused."""
        ...

    async def balance(self) -> Mapping[str, int]:
        """The platform's balance by currency, what is not available yet included."""
        ...

    async def events(
        self, account: str, *, since: datetime, before: datetime | None, types: Sequence[str] = ()
    ) -> ListedEvents:
        """Events made from `since` on and before `before`, oldest first.

        Of the platform, or of a connected account; of all types, or these.
        """
        ...

    async def webhook_endpoints(self) -> Sequence[WebhookEndpoint]:
        """All of this account."""
        ...

    async def create_webhook_endpoint(
        self, *, url: str, events: Sequence[str], connect: bool, name: str
    ) -> WebhookEndpoint:
        """A new one, with its secret."""
        ...

    async def update_webhook_endpoint(
        self, endpoint_id: str, *, url: str, events: Sequence[str], name: str = ""
    ) -> None:
        """Deliver there from now on, and switch it on; `name`, when given, is its new one."""
        ...

    async def disable_webhook_endpoint(self, endpoint_id: str) -> None:
        """Deliver there no more, until it is updated."""
        ...

    async def delete_webhook_endpoint(self, endpoint_id: str) -> None:
        """Deliver there never again."""
        ...

    async def ping(self) -> None:
        """Raises when Stripe does not answer."""
        ...
