"""What detection answers: claims that explain themselves, and losses that are not claims, with the reason."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Claim:
    """Units that Amazon owes for. `key` names the economic loss: a unit is owed once.

    `value_minor` is null where only a cost document can tell the value (rulings R16).
    """

    key: str
    claim_type: str
    fnsku: str
    sku: str
    order_id: str
    reference_id: str
    quantity: int
    event_date: date
    opens: date
    deadline: date
    value_minor: int | None
    currency: str
    confidence: float
    rule_version: str
    explanation: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Loss:
    """Units that went missing and are not claimed, and why; `key` is that of their claim, if any.

    One loss may be told in two parts: what was settled first, then why the rest is no claim.
    """

    key: str
    claim_type: str
    fnsku: str
    order_id: str
    reference_id: str
    quantity: int
    event_date: date
    reason: str
    explanation: dict[str, Any] = field(default_factory=dict, compare=False)


@dataclass(slots=True)
class Findings:
    """The claims and other losses of one rule, or of all."""

    claims: list[Claim] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)

    def extend(self, other: "Findings") -> None:
        """Add another rule's findings."""
        self.claims += other.claims
        self.losses += other.losses
