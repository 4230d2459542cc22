"""Bodies of the Stripe routes."""

from datetime import datetime
from typing import Literal

from integrations_backend.stripe_oauth_api.gateway import Account
from integrations_backend.stripe_transactions.models import StripePull, StripeTransaction
from opside_chassis.wire import AnswerModel, ApiModel, PlainText


class StripeReturn(ApiModel):
    """What Stripe sent back with the browser."""

    state: PlainText
    code: PlainText


class TransactionView(AnswerModel):
    """One movement, in signed minor units: money that came in is positive.

    `caseId` and `recoveryId` are set where the movement itself names them; `linkedBy` is that name.
    """

    id: str
    type: str
    category: str
    amount_cents: int
    fee_cents: int
    net_cents: int
    currency: str
    status: Literal["available", "pending"]
    occurred_at: datetime
    available_on: datetime
    source_id: str | None
    description: str | None
    account_id: str
    case_id: str | None
    recovery_id: str | None
    linked_by: str | None

    @classmethod
    def of(cls, row: StripeTransaction, *, now: datetime) -> "TransactionView":
        """The view of a stored movement; its status follows from the day it becomes available."""
        return cls(
            id=row.transaction_id,
            type=row.kind,
            category=row.category,
            amount_cents=row.amount_minor,
            fee_cents=row.fee_minor,
            net_cents=row.net_minor,
            currency=row.currency,
            status="available" if row.available_on <= now else "pending",
            occurred_at=row.occurred_at,
            available_on=row.available_on,
            source_id=row.source_id,
            description=row.description,
            account_id=row.account_id,
            case_id=row.case_id,
            recovery_id=row.recovery_id,
            linked_by=row.linked_by,
        )


class AccountView(AnswerModel):
    """The linked account as Stripe shows it now, and how far it was pulled."""

    account_id: str
    name: str | None
    email: str | None
    country: str
    default_currency: str
    charges_enabled: bool
    payouts_enabled: bool
    details_submitted: bool
    transactions: int
    pulled_at: datetime | None
    problem: str | None

    @classmethod
    def of(cls, account: Account, pull: StripePull | None, transactions: int) -> "AccountView":
        """What Stripe says, and what we hold of it."""
        return cls(
            account_id=account.account_id,
            name=account.name,
            email=account.email,
            country=account.country,
            default_currency=account.default_currency,
            charges_enabled=account.charges_enabled,
            payouts_enabled=account.payouts_enabled,
            details_submitted=account.details_submitted,
            transactions=transactions,
            pulled_at=pull.pulled_at if pull else None,
            problem=pull.problem if pull else None,
        )
