"""Which of several accepted invoices of one day tells what a unit costs. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

LONGEST_SOURCE_CHARS = 300


@dataclass(frozen=True, slots=True)
class ToldCost:
    """What a line of an accepted invoice says a unit cost, minor units, and how surely it was read."""

    document_id: str
    file_name: str
    supplier: str
    number: str
    minor: int
    confidence_bp: int

    @property
    def name(self) -> str:
        """The document as the seller knows it."""
        return f"{self.file_name} ({self.number})" if self.number else self.file_name

    def is_same_invoice(self, other: "ToldCost") -> bool:
        """One document, or two of the same supplier and number: one purchase."""
        if self.document_id == other.document_id:
            return True
        named = self.supplier and self.number
        return bool(named) and (self.supplier.casefold(), self.number.casefold()) == (
            other.supplier.casefold(),
            other.number.casefold(),
        )


def cost_in_force(told: Iterable[ToldCost]) -> tuple[ToldCost, str]:
    """The cost that counts, and its source in words, which names another invoice that gave way.

    The surer reading wins, and what a person typed is surest; of two alike the lower cost, so that no
    claim asks for more than an invoice proves. The order in which they were accepted changes nothing.
    """
    ranked = sorted(told, key=lambda one: (-one.confidence_bp, one.minor, one.document_id))
    first = ranked[0]
    for other in ranked[1:]:
        if other.minor != first.minor and not first.is_same_invoice(other):
            said = f"{first.name}; {other.name}, of the same day, tells another cost"
            return first, said[:LONGEST_SOURCE_CHARS]
    return first, first.name[:LONGEST_SOURCE_CHARS]
