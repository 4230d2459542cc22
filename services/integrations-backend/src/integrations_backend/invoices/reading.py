"""What was read in a paper: each field with a confidence, the reasons for it, and its place."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Generic, TypeVar

from integrations_backend.invoices.page_text import Place
from integrations_backend.invoices.vocabulary import Kind

T = TypeVar("T")
SURE_BP = 9_000
"""From here on nobody has to look: two independent signs agree, or the arithmetic proves it."""


@dataclass(frozen=True, slots=True)
class Field(Generic[T]):
    """A value, or None; how sure it is in basis points, why, and where it stands."""

    value: T | None
    confidence_bp: int
    reasons: tuple[str, ...]
    place: Place | None = None

    @property
    def sure(self) -> bool:
        """Good enough without a person."""
        return self.value is not None and self.confidence_bp >= SURE_BP


@dataclass(frozen=True, slots=True)
class Goods:
    """One line: codes as written, and the unit cost in minor units, goods alone."""

    sku: str
    fnsku: str
    asin: str
    description: str
    quantity: int | None
    unit_cost: Decimal | None
    unit_cost_minor: int | None
    amount: Decimal | None
    confidence_bp: int
    reasons: tuple[str, ...]
    place: Place

    @property
    def sure(self) -> bool:
        """Good enough without a person."""
        return self.unit_cost_minor is not None and self.confidence_bp >= SURE_BP


@dataclass(frozen=True, slots=True)
class Reading:
    """All that a paper says."""

    kind: Kind
    supplier: Field[str]
    number: Field[str]
    dated: Field[date]
    currency: Field[str]
    total_minor: Field[int]
    goods: tuple[Goods, ...] = ()
    shipments: tuple[str, ...] = ()
    """Ids of shipments to Amazon that it names."""
    problems: tuple[str, ...] = ()

    @property
    def sure(self) -> bool:
        """Every field that a cost needs is sure, so the costs may be booked without a person."""
        fields = (self.supplier, self.number, self.dated, self.currency, self.total_minor)
        return (
            self.kind is Kind.INVOICE
            and bool(self.goods)
            and not self.problems
            and all(one.sure for one in fields)
            and all(one.sure for one in self.goods)
        )


@dataclass(frozen=True, slots=True)
class Came:
    """How a paper came to us: what its sender wrote around it, as a second opinion."""

    filename: str = ""
    sender: str = ""
    subject: str = ""
    received: date | None = None
