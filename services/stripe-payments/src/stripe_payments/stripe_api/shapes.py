"""From Stripe's objects, as plain data, to our own types."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from stripe_payments.stripe_api.gateway import (
    Account,
    BalanceChange,
    Card,
    CardSetup,
    Intent,
    Refund,
    SellerTransfer,
    TransferReversal,
    WebhookEndpoint,
)


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
