"""Events between the services: facts that happened, delivered at least once, in any order.

The receiver stores an event once by its id (`opside_chassis.inbox`) and treats it as final: an
event carries everything its receiver needs, since services never read each other's tables.
"""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from opside_chassis.wire import AnswerModel, Currency, MinorUnits, Reference
from opside_contracts.integrations.messages import ConnectionStatus, Provider
from opside_contracts.payments.messages import CommissionStatus, NextStep


class _Event(AnswerModel):
    event_id: Reference
    """Derived from the sender's row, so that a repeat carries the same id."""
    occurred_at: datetime
    user_id: Reference


class RecoveryConfirmed(_Event):
    """Amazon paid for a case; sent by integrations-backend once per reimbursement row group."""

    type: Literal["recovery.confirmed"] = "recovery.confirmed"
    recovery_id: Reference
    """Amazon's reimbursement id, unique per seller."""
    case_id: Reference
    claim_id: Reference
    claim_type: str
    amount_minor: Annotated[MinorUnits, Field(gt=0)]
    currency: Currency
    quantity: int
    approved_at: datetime
    amazon_case_id: str | None = None
    billable: bool
    """False: paid without our doing (ruling R15); kept and shown, never charged."""
    not_billable_reason: str | None = None
    rule_version: str


class RecoveryReversed(_Event):
    """Amazon took a reimbursement back, in part or whole."""

    type: Literal["recovery.reversed"] = "recovery.reversed"
    recovery_id: Reference
    reversal_id: Reference
    amount_minor: Annotated[MinorUnits, Field(gt=0)]
    currency: Currency
    reversed_at: datetime


class CasesFound(_Event):
    """A sync found losses that were not known before; sent by integrations-backend once a sync."""

    type: Literal["cases.found"] = "cases.found"
    sync_id: Reference
    cases: Annotated[int, Field(gt=0)]
    quantity: int
    """Units."""
    known_value_minor: int
    """Of the cases whose value is known; others wait for a cost document."""
    currency: Currency
    first_deadline: date | None = None


class ConnectionChanged(_Event):
    """A provider connection of a user changed."""

    type: Literal["connection.changed"] = "connection.changed"
    provider: Provider
    status: ConnectionStatus
    account_id: str | None = None


class CommissionChanged(_Event):
    """A commission came to a public status; sent by stripe-payments."""

    type: Literal["commission.changed"] = "commission.changed"
    transaction_id: str
    claim_id: Reference
    recovery_id: Reference
    status: CommissionStatus
    settled: bool
    """True at rest: nothing more will happen unless money is taken back."""
    next_step: NextStep = NextStep.NONE
    platform_fee_cents: int
    collected_cents: int
    transferred_cents: int
    refunded_cents: int
    currency: Currency
    version: int
    """Grows with every change of the commission: a smaller one arriving later is stale."""
    payment_intent_id: str | None = None
    failure_reason: str | None = None


Event = Annotated[
    RecoveryConfirmed | RecoveryReversed | CasesFound | ConnectionChanged | CommissionChanged,
    Field(discriminator="type"),
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
"""Parses any event; raises `pydantic.ValidationError` for an unknown type or a wrong body."""
