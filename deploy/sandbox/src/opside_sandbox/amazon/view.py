"""What a report is written from: the history, and what Amazon has decided since."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol, TypeVar

from opside_sandbox.amazon.history.model import History, LedgerEvent, Reimbursement

LEDGER_CATCH_UP_DAYS = 3
"""The ledger changes for days after an event: a payment shows as reconciled this much later."""


class _Timed(Protocol):
    @property
    def at(self) -> datetime: ...


_T = TypeVar("_T", bound=_Timed)


@dataclass(frozen=True, slots=True)
class PaidLoss:
    """Units of a loss that Amazon paid on a filed case."""

    loss_id: str
    units: int
    at: datetime


@dataclass(frozen=True, slots=True)
class View:
    """Everything that a document of this moment may show, and the period asked for."""

    history: History
    as_of: datetime
    start: datetime
    end: datetime
    options: dict[str, str] = field(default_factory=dict)
    decided: tuple[Reimbursement, ...] = ()
    paid: tuple[PaidLoss, ...] = ()
    moved: tuple[LedgerEvent, ...] = ()
    """Ledger rows that came with Amazon's decisions."""

    def ledger(self) -> list[LedgerEvent]:
        """Every unit's movement up to this moment, oldest first."""
        if not self.moved:
            return self.history.ledger
        late = [one for one in self.moved if one.at <= self.as_of]
        return sorted([*self.history.ledger, *late], key=lambda one: one.at)

    def within(self, events: list[_T]) -> Iterator[_T]:
        """The events of the period, oldest first."""
        return (one for one in events if self.start <= one.at <= self.end)

    def reimbursements(self) -> list[Reimbursement]:
        """All payments and reversals up to this moment, oldest first."""
        known = [*self.history.reimbursements, *self.decided]
        return sorted(
            (one for one in known if one.approved_at <= self.as_of),
            key=lambda one: (one.approved_at, one.reimbursement_id, one.total_minor),
        )

    def reconciled_by_payment(self) -> Counter[str]:
        """Loss id -> units that the ledger by now shows as reconciled."""
        seen: Counter[str] = Counter()
        for one in self.paid:
            if one.at + timedelta(days=LEDGER_CATCH_UP_DAYS) <= self.as_of:
                seen[one.loss_id] += one.units
        return seen

    @property
    def today(self) -> date:
        """The calendar day of this moment."""
        return self.as_of.date()
