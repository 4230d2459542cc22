"""Case statuses and who may move them where."""

from enum import StrEnum


class CaseStatus(StrEnum):
    """Where a case stands. `paid` may become `reversed` when Amazon takes the money back."""

    OPEN = "open"
    FILED = "filed"
    PAID = "paid"
    PARTLY_PAID = "partly_paid"
    REVERSED = "reversed"


TRANSITIONS: frozenset[tuple[CaseStatus, CaseStatus]] = frozenset(
    {
        (CaseStatus.OPEN, CaseStatus.FILED),
        (CaseStatus.FILED, CaseStatus.PAID),
        (CaseStatus.FILED, CaseStatus.PARTLY_PAID),
        (CaseStatus.PARTLY_PAID, CaseStatus.PAID),
        (CaseStatus.PAID, CaseStatus.REVERSED),
        (CaseStatus.PARTLY_PAID, CaseStatus.REVERSED),
    }
)


def status_after_payment(claimed: int, paid: int) -> CaseStatus:
    """`paid` once as many units were paid as were claimed."""
    return CaseStatus.PAID if paid >= claimed else CaseStatus.PARTLY_PAID
