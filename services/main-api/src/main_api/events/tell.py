"""What a seller is told of an event, in his words."""

from main_api.notifications.rules import Kind, Notice
from opside_chassis.money import Money
from opside_contracts.events import (
    CasesFound,
    CommissionChanged,
    ConnectionChanged,
    Event,
    RecoveryConfirmed,
    RecoveryReversed,
)
from opside_contracts.integrations.messages import ConnectionStatus
from opside_contracts.payments.messages import CommissionStatus, NextStep

_WHAT_TO_DO = {
    NextStep.ADD_PAYMENT_METHOD: "Add a card or bank account; we try again by ourselves.",
    NextStep.AUTHENTICATE_PAYMENT: "Your bank wants you to confirm the payment.",
    NextStep.REPLACE_PAYMENT_METHOD: "Your card was refused: add another one.",
    NextStep.FINISH_ONBOARDING: "Finish your payout details at Stripe; your share waits for you.",
}


def notice_of(event: Event) -> Notice | None:
    """The notice, or None where there is nothing that a seller would want to hear."""
    match event:
        case CasesFound():
            return _found(event)
        case RecoveryConfirmed():
            return _paid(event)
        case RecoveryReversed():
            return _taken_back(event)
        case CommissionChanged():
            return _fee(event)
        case ConnectionChanged():
            return _reconnect(event)


def _found(event: CasesFound) -> Notice:
    worth = (
        f"worth {Money(event.known_value_minor, event.currency)}"
        if event.known_value_minor
        else "whose value needs a cost document"
    )
    until = f" The first must be filed by {event.first_deadline}." if event.first_deadline else ""
    return Notice(
        Kind.FOUND,
        f"found:{event.sync_id}:{event.currency}",
        f"{event.cases} new {'case' if event.cases == 1 else 'cases'} found",
        f"Amazon owes you for {event.quantity} units, {worth}.{until}",
    )


def _paid(event: RecoveryConfirmed) -> Notice:
    fee = (
        "Our fee is on your statement before it is charged."
        if event.billable
        else f"There is no fee: {event.not_billable_reason}."
    )
    return Notice(
        Kind.PAID,
        f"paid:{event.recovery_id}",
        f"Amazon paid {Money(event.amount_minor, event.currency)}",
        f"Reimbursement {event.recovery_id} for {event.quantity} units"
        f" ({event.claim_type.replace('_', ' ')}). {fee}",
    )


def _taken_back(event: RecoveryReversed) -> Notice:
    return Notice(
        Kind.TAKEN_BACK,
        f"taken_back:{event.reversal_id}",
        f"Amazon took {Money(event.amount_minor, event.currency)} back",
        f"It belongs to reimbursement {event.recovery_id}. A fee that you paid on it is given back to you.",
    )


def _fee(event: CommissionChanged) -> Notice | None:
    fee = Money(event.platform_fee_cents, event.currency)
    of = f"The fee is for reimbursement {event.recovery_id}."
    if event.next_step is not NextStep.NONE or event.status is CommissionStatus.FAILED:
        return Notice(
            Kind.CHARGE_FAILED,
            f"fee_waits:{event.transaction_id}:{event.status}:{event.next_step}",
            f"A fee of {fee} waits for you",
            f"{of} {_WHAT_TO_DO.get(event.next_step, 'It could not be collected.')}",
        )
    if event.refunded_cents:
        back = Money(event.refunded_cents, event.currency)
        return Notice(
            Kind.FEE_GIVEN_BACK,
            f"fee_given_back:{event.transaction_id}:{event.refunded_cents}",
            f"{back} given back to you",
            of,
        )
    if event.settled and event.collected_cents:
        key = f"charged:{event.transaction_id}"
        return Notice(Kind.CHARGED, key, f"A fee of {fee} was charged", of)
    return None


def _reconnect(event: ConnectionChanged) -> Notice | None:
    if event.status is not ConnectionStatus.RECONNECT:
        return None
    name = event.provider.value.capitalize()
    return Notice(
        Kind.RECONNECT,
        f"reconnect:{event.provider}:{event.event_id}",
        f"{name} must be connected again",
        f"{name} no longer lets us read your data. Nothing new is found until you reconnect.",
    )
