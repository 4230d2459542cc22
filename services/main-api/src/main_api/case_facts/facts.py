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
