"""States of a commission, their legal moves, and what a stranger is told of them (money-safety 5)."""

from enum import StrEnum

from opside_chassis.money import share_of
from opside_contracts.payments.messages import Collection, CommissionStatus

STATE_DEADLINE_SECONDS = 120
"""A row that is not at rest and was not touched for so long is looked at by the sweep."""


class State(StrEnum):
    """Where a commission stands."""

    ACCEPTED = "accepted"
    PREPARING = "preparing"
    READY = "ready"
    AWAITING_CUSTOMER = "awaiting_customer"
    CONFIRMING = "confirming"
    UNKNOWN = "unknown"
    PROCESSING = "processing"
    FAILED = "failed"
    CHARGED = "charged"
    TRANSFERRING = "transferring"
    TRANSFER_UNKNOWN = "transfer_unknown"
    TRANSFER_BLOCKED = "transfer_blocked"
    SETTLED = "settled"
    REVERSAL_NEEDED = "reversal_needed"
    REFUNDED = "refunded"
    WAIVED = "waived"
    CANCELLED = "cancelled"


_S = State
TRANSITIONS: frozenset[tuple[State, State]] = frozenset(
    {
        (_S.ACCEPTED, _S.PREPARING),
        (_S.PREPARING, _S.READY),
        (_S.READY, _S.CONFIRMING),
        (_S.READY, _S.AWAITING_CUSTOMER),
        *((_S.CONFIRMING, to) for to in (_S.CHARGED, _S.FAILED, _S.UNKNOWN)),
        *((of, _S.PROCESSING) for of in (_S.CONFIRMING, _S.UNKNOWN)),
        *((of, _S.AWAITING_CUSTOMER) for of in (_S.CONFIRMING, _S.UNKNOWN)),
        *((of, _S.CHARGED) for of in (_S.UNKNOWN, _S.PROCESSING, _S.AWAITING_CUSTOMER, _S.FAILED)),
        *((of, _S.FAILED) for of in (_S.UNKNOWN, _S.PROCESSING, _S.AWAITING_CUSTOMER)),
        *((of, _S.CONFIRMING) for of in (_S.UNKNOWN, _S.AWAITING_CUSTOMER, _S.FAILED)),
        *(
            (of, _S.CANCELLED)
            for of in (
                _S.ACCEPTED,
                _S.PREPARING,
                _S.READY,
                _S.CONFIRMING,
                _S.UNKNOWN,
                _S.PROCESSING,
                _S.FAILED,
                _S.AWAITING_CUSTOMER,
            )
        ),
        (_S.CHARGED, _S.TRANSFERRING),
        (_S.CHARGED, _S.SETTLED),
        *((_S.TRANSFERRING, to) for to in (_S.SETTLED, _S.TRANSFER_UNKNOWN, _S.TRANSFER_BLOCKED)),
        *((of, _S.TRANSFERRING) for of in (_S.TRANSFER_UNKNOWN, _S.TRANSFER_BLOCKED)),
        *((of, _S.SETTLED) for of in (_S.TRANSFER_UNKNOWN, _S.TRANSFER_BLOCKED)),
        *(
            (of, _S.REVERSAL_NEEDED)
            for of in (_S.CHARGED, _S.SETTLED, _S.TRANSFER_BLOCKED, _S.REFUNDED)
        ),
        *((_S.REVERSAL_NEEDED, to) for to in (_S.REFUNDED, _S.SETTLED, _S.TRANSFER_BLOCKED)),
    }
)
"""The same pairs stand in the table payments.commission_transitions; a test compares both."""

RESTING = frozenset(
    {
        State.AWAITING_CUSTOMER,
        State.FAILED,
        State.TRANSFER_BLOCKED,
        State.SETTLED,
        State.REFUNDED,
        State.WAIVED,
        State.CANCELLED,
    }
)
"""States without a deadline: nothing happens until somebody else acts."""

COLLECTED = frozenset(
    {
        State.CHARGED,
        State.TRANSFERRING,
        State.TRANSFER_UNKNOWN,
        State.TRANSFER_BLOCKED,
        State.SETTLED,
        State.REVERSAL_NEEDED,
        State.REFUNDED,
    }
)
"""The money is ours to hold; a late failure event changes nothing."""

DUNNING_DAYS = (1, 3, 5)
"""Days to the next try of a declined card, after the first, second and third try."""
NEVER_AGAIN = frozenset(
    {
        "authentication_required",
        "expired_card",
        "fraudulent",
        "incorrect_number",
        "invalid_account",
        "invalid_number",
        "lost_card",
        "merchant_blacklist",
        "pickup_card",
        "restricted_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "stolen_card",
        "stop_payment_order",
    }
)
"""Declines that trying the same card again cannot change (Stripe, decline codes)."""

CANCELLABLE = frozenset({State.ACCEPTED, State.READY, State.FAILED, State.AWAITING_CUSTOMER})
"""Nothing is in flight at Stripe, so that the intent can be cancelled."""

MINIMUM_CHARGE_MINOR = {
    **dict.fromkeys(("usd", "eur", "cad", "aud", "sgd", "brl", "chf", "jpy"), 50),
    "gbp": 30,
    "inr": 50,
    "mxn": 1000,
    "sek": 300,
    "pln": 200,
    "aed": 200,
}
"""Stripe's smallest charges in minor units. A fee below is waived, never rounded up."""


def may_move(of: State, to: State) -> bool:
    """True when the move is legal."""
    return (of, to) in TRANSITIONS


def split(amount_minor: int, rate_bp: int) -> tuple[int, int]:
    """Fee and seller's share of a recovered amount; together they are the amount."""
    fee = share_of(amount_minor, rate_bp)
    return fee, amount_minor - fee


def dunning_days(*, tries: int, failure_code: str) -> int | None:
    """Days until the same card is tried again; None when it never is."""
    if failure_code in NEVER_AGAIN or not 1 <= tries <= len(DUNNING_DAYS):
        return None
    return DUNNING_DAYS[tries - 1]


def credit(*, credited_minor: int, more_minor: int, rate_bp: int) -> int:
    """Our fee on a further part of a recovery that was taken back.

    Cumulative: the fee on all that was taken back, less what was credited before, so that any way of
    cutting a whole into parts gives back the same (money-safety 2.7).
    """
    return share_of(credited_minor + more_minor, rate_bp) - share_of(credited_minor, rate_bp)


def charge_amount(amount_minor: int, fee_minor: int, collection: Collection) -> int:
    """What the payer is charged: the fee alone, or all that was recovered (ruling R3)."""
    return fee_minor if collection is Collection.FEE_ONLY else amount_minor


def is_waived(charge_minor: int, currency: str) -> bool:
    """True when Stripe would refuse so small a charge."""
    return charge_minor < MINIMUM_CHARGE_MINOR.get(currency, 1)


def public_status(state: State, collection: Collection) -> CommissionStatus:
    """The status of the source documents."""
    if state is State.SETTLED:
        gross = collection is Collection.GROSS
        return CommissionStatus.TRANSFERRED if gross else CommissionStatus.CHARGED
    return _PUBLIC[state]


_PUBLIC = {
    State.ACCEPTED: CommissionStatus.PENDING,
    State.PREPARING: CommissionStatus.PROCESSING,
    State.READY: CommissionStatus.PROCESSING,
    State.AWAITING_CUSTOMER: CommissionStatus.PENDING,
    State.CONFIRMING: CommissionStatus.PROCESSING,
    State.UNKNOWN: CommissionStatus.PROCESSING,
    State.PROCESSING: CommissionStatus.PROCESSING,
    State.FAILED: CommissionStatus.FAILED,
    State.CHARGED: CommissionStatus.CHARGED,
    State.TRANSFERRING: CommissionStatus.CHARGED,
    State.TRANSFER_UNKNOWN: CommissionStatus.CHARGED,
    State.TRANSFER_BLOCKED: CommissionStatus.CHARGED,
    State.REVERSAL_NEEDED: CommissionStatus.REVERSAL_NEEDED,
    State.REFUNDED: CommissionStatus.REFUNDED,
    State.WAIVED: CommissionStatus.WAIVED,
    State.CANCELLED: CommissionStatus.CANCELLED,
}
