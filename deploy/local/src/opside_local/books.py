"""The proof at the end: our ledger is balanced, and equal to the provider's own books to the cent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Name of a total in our proof, and in the sandbox's books.
_TOTALS = {
    "chargesGrossMinor": "charges_gross",
    "processorFeesMinor": "fees",
    "refundsMinor": "refunds",
    "transfersMinor": "transfers",
    "reversalsMinor": "reversals",
    "platformBalanceMinor": "platform_balance",
}
LABELS = {
    "chargesGrossMinor": "charges",
    "processorFeesMinor": "processor fees",
    "refundsMinor": "refunds",
    "transfersMinor": "transfers",
    "reversalsMinor": "reversals",
    "platformBalanceMinor": "balance at Stripe",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One total of one currency in both books, minor units."""

    currency: str
    total: str
    ours_minor: int
    theirs_minor: int

    @property
    def equal(self) -> bool:
        """To the cent."""
        return self.ours_minor == self.theirs_minor


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both books side by side."""

    journals: int
    unbalanced: int
    their_unbalanced: int
    lines: tuple[Line, ...]

    @property
    def differences(self) -> list[str]:
        """What does not hold, each as a sentence; nothing when the proof holds."""
        found = [
            f"{line.currency.upper()} {LABELS[line.total]}: ours {line.ours_minor},"
            f" the sandbox's {line.theirs_minor}"
            for line in self.lines
            if not line.equal
        ]
        if self.unbalanced:
            found.append(f"{self.unbalanced} of our journals do not sum to zero")
        if self.their_unbalanced:
            found.append(f"{self.their_unbalanced} of the sandbox's journals do not sum to zero")
        return found


def compare(proof: Mapping[str, Any], books: Mapping[str, Any]) -> Comparison:
    """Our `/ledger/proof` beside the sandbox's `/control/stripe/books`.

    A currency that only one of them knows is compared with zeros.
    """
    ours, theirs = proof["totals"], books["currencies"]
    lines = tuple(
        Line(
            currency,
            total,
            ours.get(currency, {}).get(total, 0),
            theirs.get(currency, {}).get(their_name, 0),
        )
        for currency in sorted({*ours, *theirs})
        for total, their_name in _TOTALS.items()
    )
    return Comparison(proof["journals"], proof["unbalancedJournals"], books["unbalanced"], lines)
