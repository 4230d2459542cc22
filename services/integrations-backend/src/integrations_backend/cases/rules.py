"""Case statuses and who may move them where."""

from enum import StrEnum

from integrations_backend.detection.answered import is_whole


class CaseStatus(StrEnum):
    """Where a case stands. `paid` may become `reversed` when Amazon takes the money back.

    `closed` was never filed and must not be: nothing is owed now. It opens again when something is.
    """

    OPEN = "open"
    CLOSED = "closed"
    FILED = "filed"
    PAID = "paid"
    PARTLY_PAID = "partly_paid"
    REVERSED = "reversed"


TRANSITIONS: frozenset[tuple[CaseStatus, CaseStatus]] = frozenset(
    {
        (CaseStatus.OPEN, CaseStatus.FILED),
        (CaseStatus.OPEN, CaseStatus.CLOSED),
        (CaseStatus.CLOSED, CaseStatus.OPEN),
        (CaseStatus.FILED, CaseStatus.PAID),
        (CaseStatus.FILED, CaseStatus.PARTLY_PAID),
        (CaseStatus.PARTLY_PAID, CaseStatus.PAID),
        (CaseStatus.PAID, CaseStatus.REVERSED),
        (CaseStatus.PARTLY_PAID, CaseStatus.REVERSED),
    }
)

NOT_SHOWN = "not_shown"
"""A claim's loss is neither owed nor settled in what was read: the reports do not show it any more."""
CLOSED_BECAUSE = {
    "found": "Amazon found the units",
    "paid": "Amazon paid without a case of ours",
    "reconciled": "Amazon's ledger shows the units as found or paid",
    "returned": "the units came back",
    "other_label": "the unit came back under another label: no report tells that it is another thing",
    "rebooked_unclear": "Amazon took some such returns on itself: no report tells which",
    "window_expired": "the time to claim has ended",
    "still_waiting": "the time to claim has not begun",
    "no_policy": "no rule of Amazon's covers the loss",
    "owed_as_warehouse_loss": "the ledger books the units as lost in the centre: claimed as that",
    "reversed": "Amazon took the payment back: judged as a reversal",
    "measures_changed": "the product was larger when the fee was charged",
    "not_measured": "no report tells how Amazon measured the product then",
    "measures_grew": "Amazon measures the product larger than before: only the seller knows whether it is",
    "measures_open": "the storage fees of the next month will tell which of Amazon's measures is right",
    "no_fee_known": "no report tells the fee of the smaller size that Amazon measured",
    NOT_SHOWN: "Amazon's reports no longer show the loss",
}
"""Why a case is closed, by what detection says of its loss."""


def closed_because(settled_as: str) -> str:
    """The reason in words."""
    return CLOSED_BECAUSE.get(settled_as, settled_as)


def status_after_payment(claimed: int, paid: int) -> CaseStatus:
    """`paid` once as many units were paid as were claimed."""
    return CaseStatus.PAID if paid >= claimed else CaseStatus.PARTLY_PAID


def status_after_money(due_minor: int, paid_minor: int) -> CaseStatus:
    """The same of a claim about money, which may be paid in a row without units."""
    return CaseStatus.PAID if is_whole(due_minor, paid_minor) else CaseStatus.PARTLY_PAID
