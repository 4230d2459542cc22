"""Subscriptions and invoices, in our own frozen types. Amounts are minor units."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class StripeSubscription:
    """A subscription. Its period is that of its first item; `reference` is our row's id."""

    id: str
    customer_id: str
    price_id: str
    status: str
    current_period_start: datetime | None
    current_period_end: datetime | None
    trial_end: datetime | None
    cancel_at_period_end: bool
    canceled_at: datetime | None
    ended_at: datetime | None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class StartedSubscription:
    """A new subscription; the secret lets its owner confirm the first payment."""

    subscription: StripeSubscription
    client_secret: str | None


@dataclass(frozen=True, slots=True)
class NewSubscription:
    """Everything a subscription is made from."""

    reference: str
    customer_id: str
    price_id: str
    payment_method_id: str


@dataclass(frozen=True, slots=True)
class StripeInvoice:
    """An invoice; amounts in minor units."""

    id: str
    customer_id: str
    subscription_id: str | None
    number: str | None
    status: str
    billing_reason: str | None
    currency: str
    total_minor: int
    amount_due_minor: int
    amount_paid_minor: int
    attempt_count: int
    next_attempt_at: datetime | None
    failure_reason: str | None
    hosted_url: str | None
    payment_intent_id: str | None
    period_start: datetime | None
    period_end: datetime | None
    finalized_at: datetime | None
    paid_at: datetime | None
