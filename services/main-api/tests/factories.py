"""Events as the other services send them."""

from datetime import UTC, datetime
from typing import Any

from opside_contracts.events import (
    CommissionChanged,
    ConnectionChanged,
    RecoveryConfirmed,
    RecoveryReversed,
)
from opside_contracts.integrations.messages import ConnectionStatus, Provider
from opside_contracts.payments.messages import CommissionStatus

USER = "usr_a"
MOMENT = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)


def confirmed(**changes: Any) -> RecoveryConfirmed:
    """Amazon paid 100.00 USD for a case of ours."""
    values: dict[str, Any] = {
        "event_id": f"evt_confirmed_{changes.get('recovery_id', '777')}",
        "occurred_at": MOMENT,
        "user_id": USER,
        "recovery_id": "777",
        "case_id": "cas_1",
        "claim_id": "clm_1",
        "claim_type": "warehouse_lost",
        "amount_minor": 10_000,
        "currency": "usd",
        "quantity": 2,
        "approved_at": MOMENT,
        "amazon_case_id": "900",
        "billable": True,
        "rule_version": "2026-1",
    }
    return RecoveryConfirmed(**(values | changes))


def reversed_(**changes: Any) -> RecoveryReversed:
    """Amazon took 40.00 USD of it back."""
    values: dict[str, Any] = {
        "event_id": f"evt_reversed_{changes.get('reversal_id', '888')}",
        "occurred_at": MOMENT,
        "user_id": USER,
        "recovery_id": "777",
        "reversal_id": "888",
        "amount_minor": 4_000,
        "currency": "usd",
        "reversed_at": MOMENT,
    }
    return RecoveryReversed(**(values | changes))


def commission(version: int = 1, **changes: Any) -> CommissionChanged:
    """Our fee of 20.00 USD was collected."""
    values: dict[str, Any] = {
        "event_id": f"evt_commission_{changes.get('recovery_id', '777')}_{version}",
        "occurred_at": MOMENT,
        "user_id": USER,
        "transaction_id": f"txn_{changes.get('recovery_id', '777')}",
        "claim_id": "clm_1",
        "recovery_id": "777",
        "status": CommissionStatus.CHARGED,
        "settled": True,
        "platform_fee_cents": 2_000,
        "collected_cents": 2_000,
        "transferred_cents": 0,
        "refunded_cents": 0,
        "currency": "usd",
        "version": version,
    }
    return CommissionChanged(**(values | changes))


def connection(**changes: Any) -> ConnectionChanged:
    """The selling account was connected."""
    values: dict[str, Any] = {
        "event_id": "evt_connection_1",
        "occurred_at": MOMENT,
        "user_id": USER,
        "provider": Provider.AMAZON,
        "status": ConnectionStatus.CONNECTED,
        "account_id": "A1SELLER",
    }
    return ConnectionChanged(**(values | changes))
