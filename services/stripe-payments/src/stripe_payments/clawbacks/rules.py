"""States of a clawback, their legal moves, and how much is given back to whom."""

from dataclasses import dataclass
from enum import StrEnum

from opside_contracts.payments.messages import Collection
from stripe_payments.commissions.rules import credit


class Step(StrEnum):
    """Where a clawback stands."""

    REQUESTED = "requested"
    CREDITED = "credited"
    """The credit note is booked; nothing was called yet."""
    REVERSING = "reversing"
    REFUNDING = "refunding"
    REFUND_PENDING = "refund_pending"
    """Stripe has the refund; the payer's bank has not."""
    BLOCKED = "blocked"
    """Stripe refused for good; a case asks a person, who may let it go on."""
    SUCCEEDED = "succeeded"
    NOTHING_DUE = "nothing_due"
    """Nothing was ever collected."""


_S = Step
TRANSITIONS: frozenset[tuple[Step, Step]] = frozenset(
    {
        *((_S.REQUESTED, to) for to in (_S.CREDITED, _S.NOTHING_DUE)),
        *((_S.CREDITED, to) for to in (_S.REVERSING, _S.REFUNDING, _S.SUCCEEDED)),
        *((_S.REVERSING, to) for to in (_S.REFUNDING, _S.SUCCEEDED, _S.BLOCKED)),
        *((_S.REFUNDING, to) for to in (_S.SUCCEEDED, _S.REFUND_PENDING, _S.BLOCKED)),
        *((_S.REFUND_PENDING, to) for to in (_S.SUCCEEDED, _S.BLOCKED)),
        (_S.SUCCEEDED, _S.BLOCKED),
        (_S.BLOCKED, _S.CREDITED),
    }
)
"""The same pairs stand in the table payments.clawback_transitions; a test compares both."""

AT_REST = frozenset({Step.BLOCKED, Step.SUCCEEDED, Step.NOTHING_DUE})
"""Nothing to do until a person acts, if ever."""
UNFINISHED = frozenset(set(Step) - {Step.SUCCEEDED, Step.NOTHING_DUE})


@dataclass(frozen=True, slots=True)
class Due:
    """What one reversal gives back, in minor units."""

    fee_back: int
    share_back: int
    """Of the seller's share (gross); zero in fee_only, where he never gave it to us."""
    refund: int


def due(*, collection: Collection, credited: int, more: int, rate_bp: int) -> Due:
    """What `more` taken back means after `credited` was already settled.

    In fee_only the payer paid our fee, and gets that part of it back. In gross he paid all that was
    recovered and gets all that was taken back: our part from us, the rest from the seller's share.
    """
    fee = credit(credited_minor=credited, more_minor=more, rate_bp=rate_bp)
    if collection is Collection.FEE_ONLY:
        return Due(fee_back=fee, share_back=0, refund=fee)
    return Due(fee_back=fee, share_back=more - fee, refund=more)
