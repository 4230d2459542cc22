"""From Stripe's objects, as plain data, to our own types."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from stripe_payments.stripe_api.gateway import (
    Account,
    BalanceChange,
    Card,
    CardSetup,
    Dispute,
    Intent,
    Refund,
    SellerTransfer,
    TransferReversal,
    WebhookEndpoint,
)
from stripe_payments.stripe_api.plans import StartedSubscription, StripeInvoice, StripeSubscription


def intent_of(found: Mapping[str, Any]) -> Intent:
    """A PaymentIntent."""
    last_error = found.get("last_payment_error") or {}
    latest = found.get("latest_charge")
    return Intent(
        id=found["id"],
        status=found["status"],
        amount_minor=found["amount"],
        currency=found["currency"],
        latest_charge_id=latest["id"] if isinstance(latest, Mapping) else latest,
        failure_code=last_error.get("decline_code") or last_error.get("code"),
        metadata=found.get("metadata") or {},
    )


def setup_of(found: Mapping[str, Any]) -> CardSetup:
    """A SetupIntent."""
    return CardSetup(
        id=found["id"],
        status=found["status"],
        client_secret=found["client_secret"],
        customer_id=found.get("customer"),
        payment_method_id=found.get("payment_method"),
    )


def account_of(found: Mapping[str, Any]) -> Account:
    """A connected account."""
    requirements = found.get("requirements") or {}
    return Account(
        id=found["id"],
        charges_enabled=bool(found.get("charges_enabled")),
        payouts_enabled=bool(found.get("payouts_enabled")),
        details_submitted=bool(found.get("details_submitted")),
        transfers_active=(found.get("capabilities") or {}).get("transfers") == "active",
        requirements_due=tuple(requirements.get("currently_due") or ()),
    )


def transfer_of(found: Mapping[str, Any]) -> SellerTransfer:
    """A transfer."""
    return SellerTransfer(
        id=found["id"],
        amount_minor=found["amount"],
        currency=found["currency"],
        destination=found["destination"],
        group=found.get("transfer_group"),
    )


def refund_of(found: Mapping[str, Any]) -> Refund:
    """A refund."""
    return Refund(
        id=found["id"],
        charge_id=found["charge"],
        amount_minor=found["amount"],
        currency=found["currency"],
        status=found["status"],
        failure_reason=found.get("failure_reason"),
        metadata=found.get("metadata") or {},
    )


def reversal_of(found: Mapping[str, Any]) -> TransferReversal:
    """A transfer reversal."""
    return TransferReversal(
        id=found["id"],
        transfer_id=found["transfer"],
        amount_minor=found["amount"],
        currency=found["currency"],
        metadata=found.get("metadata") or {},
    )


def card_of(found: Mapping[str, Any]) -> Card:
    """A saved card."""
    card = found.get("card") or {}
    return Card(
        id=found["id"],
        customer_id=found.get("customer"),
        brand=card.get("brand", ""),
        last_four=card.get("last4", ""),
        expiry_month=card.get("exp_month", 0),
        expiry_year=card.get("exp_year", 0),
    )


def balance_change_of(found: Mapping[str, Any]) -> BalanceChange:
    """A balance transaction."""
    return BalanceChange(
        id=found["id"],
        source_id=found.get("source") or found["id"],
        type=found["type"],
        net_minor=found["net"],
        currency=found["currency"],
        created_at=datetime.fromtimestamp(found["created"], UTC),
    )


def webhook_endpoint_of(found: Mapping[str, Any]) -> WebhookEndpoint:
    """A webhook endpoint."""
    return WebhookEndpoint(
        id=found["id"],
        name=(found.get("metadata") or {}).get("opside", ""),
        url=found["url"],
        events=tuple(found["enabled_events"]),
        enabled=found["status"] == "enabled",
        secret=found.get("secret"),
    )


def dispute_of(found: Mapping[str, Any]) -> Dispute:
    """A dispute."""
    return Dispute(
        id=found["id"],
        intent_id=_id(found.get("payment_intent")),
        amount_minor=found["amount"],
        currency=found["currency"],
        status=found["status"],
        reason=found["reason"],
    )


def subscription_of(found: Mapping[str, Any]) -> StripeSubscription:
    """A subscription; since 2025-03-31 the period stands on its items."""
    items = found["items"]["data"]
    first = items[0] if items else {}
    return StripeSubscription(
        id=found["id"],
        customer_id=_id(found["customer"]) or "",
        price_id=first["price"]["id"] if first else "",
        status=found["status"],
        current_period_start=_moment(first.get("current_period_start")),
        current_period_end=_moment(first.get("current_period_end")),
        trial_end=_moment(found.get("trial_end")),
        cancel_at_period_end=bool(found.get("cancel_at_period_end")),
        canceled_at=_moment(found.get("canceled_at")),
        ended_at=_moment(found.get("ended_at")),
        reference=(found.get("metadata") or {}).get("reference"),
    )


def started_subscription_of(found: Mapping[str, Any]) -> StartedSubscription:
    """A new subscription, with the secret of its first payment if it needs one."""
    latest = found.get("latest_invoice")
    secret = latest.get("confirmation_secret") if isinstance(latest, Mapping) else None
    return StartedSubscription(subscription_of(found), (secret or {}).get("client_secret"))


def invoice_of(found: Mapping[str, Any]) -> StripeInvoice:
    """An invoice; its subscription and payments stand where current versions put them."""
    parent = (found.get("parent") or {}).get("subscription_details") or {}
    payments = [one["payment"] for one in (found.get("payments") or {}).get("data", ())]
    intents = [_id(one.get("payment_intent")) for one in payments]
    moments = found.get("status_transitions") or {}
    error = found.get("last_finalization_error") or {}
    return StripeInvoice(
        id=found["id"],
        customer_id=_id(found["customer"]) or "",
        subscription_id=_id(parent.get("subscription")),
        number=found.get("number"),
        status=found["status"],
        billing_reason=found.get("billing_reason"),
        currency=found["currency"],
        total_minor=found["total"],
        amount_due_minor=found["amount_due"],
        amount_paid_minor=found["amount_paid"],
        attempt_count=found["attempt_count"],
        next_attempt_at=_moment(found.get("next_payment_attempt")),
        failure_reason=error.get("code"),
        hosted_url=found.get("hosted_invoice_url"),
        payment_intent_id=next((one for one in intents[::-1] if one), None),
        period_start=_moment(found.get("period_start")),
        period_end=_moment(found.get("period_end")),
        finalized_at=_moment(moments.get("finalized_at")),
        paid_at=_moment(moments.get("paid_at")),
    )


def _id(reference: object) -> str | None:
    """The id of an object that may be expanded."""
    if isinstance(reference, Mapping):
        return str(reference["id"])
    return None if reference is None else str(reference)


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
