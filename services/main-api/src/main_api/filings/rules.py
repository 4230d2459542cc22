"""States of a filing, who may move it where, and what Amazon's payments make of it. Pure."""

from enum import StrEnum


class FilingState(StrEnum):
    """Where a filing stands. A person moves it, but for `paid`, `partly_paid` and `expired`."""

    DRAFTED = "drafted"
    READY = "ready"
    FILED = "filed"
    ANSWERED = "answered"
    PAID = "paid"
    PARTLY_PAID = "partly_paid"
    DENIED = "denied"
    APPEALED = "appealed"
    EXPIRED = "expired"


_S = FilingState
TRANSITIONS: frozenset[tuple[FilingState, FilingState]] = frozenset(
    (former, state)
    for former, states in {
        _S.DRAFTED: (_S.READY, _S.FILED, _S.EXPIRED),
        _S.READY: (_S.DRAFTED, _S.FILED, _S.EXPIRED),
        # Filed in time, told late.
        _S.EXPIRED: (_S.FILED,),
        _S.FILED: (_S.ANSWERED, _S.PAID, _S.PARTLY_PAID, _S.DENIED),
        _S.ANSWERED: (_S.PAID, _S.PARTLY_PAID, _S.DENIED),
        _S.PARTLY_PAID: (_S.PAID, _S.APPEALED, _S.DENIED),
        # Amazon may take a payment back, in part or whole.
        _S.PAID: (_S.PARTLY_PAID, _S.DENIED),
        _S.DENIED: (_S.APPEALED, _S.PAID, _S.PARTLY_PAID),
        _S.APPEALED: (_S.ANSWERED, _S.PAID, _S.PARTLY_PAID, _S.DENIED),
    }.items()
    for state in states
)
"""The database has the same table, for its trigger; a test compares both."""

PERSON_MOVES = frozenset({_S.DRAFTED, _S.READY, _S.ANSWERED, _S.DENIED, _S.APPEALED})
"""Targets a person may name. `filed` has a verb of its own; payments and deadlines are facts."""
UNFILED = frozenset({_S.DRAFTED, _S.READY})
MACHINE = "opside"
"""Who changed it, where no person did."""
TAKEN_BACK = "Amazon took its payment back"
DRAFT_AHEAD_DAYS = 14
"""A draft is made so long before a deadline: time to find an invoice and to file in peace."""
GRACE_DAYS = 1
"""A day ends last in the Pacific: nothing expires while the sun of the deadline is up anywhere."""


def may_move(former: FilingState, state: FilingState) -> bool:
    """Whether the move is legal."""
    return (former, state) in TRANSITIONS


def person_may_move(former: FilingState, state: FilingState) -> bool:
    """Whether a person may order the move; that Amazon keeps what it paid is no person's word."""
    return state in PERSON_MOVES and former is not _S.PAID and may_move(former, state)


def state_after_payments(
    *, claimed_units: int, paid_units: int, paid_minor: int, reversed_minor: int
) -> FilingState:
    """What Amazon's payments so far make of a filed claim; at least one was confirmed.

    Paid when as many units were paid as were claimed and nothing was taken back.
    """
    if paid_minor - reversed_minor <= 0:
        return _S.DENIED
    if paid_units >= claimed_units and reversed_minor == 0:
        return _S.PAID
    return _S.PARTLY_PAID
