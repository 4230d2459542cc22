"""The facts of one case, as other rooms see them."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from main_api.case_facts.models import CaseFacts
from opside_contracts.integrations.cases import SellerCase

BASIS_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class Facts:
    """A case: what was lost, until when it may be claimed, what it is worth (minor units, or unknown)."""

    case_id: str
    claim_id: str
    claim_type: str
    fnsku: str
    sku: str
    order_id: str
    reference_id: str
    quantity: int
    event_date: date
    opens_on: date
    deadline: date
    value_minor: int | None
    currency: str
    confidence_bp: int
    rule_version: str
    explanation: dict[str, Any]

    @classmethod
    def told(cls, case: SellerCase) -> "Facts":
        """As integrations-backend tells them."""
        return cls(
            case_id=case.case_id,
            claim_id=case.claim_id,
            claim_type=case.claim_type,
            fnsku=case.fnsku,
            sku=case.sku,
            order_id=case.order_id,
            reference_id=case.reference_id,
            quantity=case.quantity,
            event_date=case.event_date,
            opens_on=case.opens_on,
            deadline=case.deadline,
            value_minor=case.value_cents,
            currency=case.currency.lower(),
            confidence_bp=round(case.confidence * BASIS_POINTS),
            rule_version=case.rule_version,
            explanation=case.explanation,
        )

    @classmethod
    def stored(cls, row: CaseFacts) -> "Facts":
        """As they were kept."""
        return cls(**{name: getattr(row, name) for name in cls.__slots__})

    def as_json(self) -> dict[str, Any]:
        """For keeping beside what was made of them; `from_json` reads it again."""
        named = {name: getattr(self, name) for name in self.__slots__}
        return {key: _json(value) for key, value in named.items()}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Facts":
        """The facts that `as_json` kept."""
        days = {name: date.fromisoformat(kept[name]) for name in _DAYS}
        return cls(**(kept | days))


_DAYS = ("event_date", "opens_on", "deadline")


def _json(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value
