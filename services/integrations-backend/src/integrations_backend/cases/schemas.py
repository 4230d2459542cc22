"""Bodies of the case routes."""

from datetime import date, datetime
from typing import Any

from pydantic import Field

from integrations_backend.cases.models import (
    AmazonClaim,
    CaseRecovery,
    DetectedLoss,
    RefundEngineCase,
)
from integrations_backend.cases.rules import closed_because
from opside_chassis.wire import AnswerModel, ApiModel, PlainText

BASIS_POINTS = 10_000


class ClaimView(AnswerModel):
    """A claim and why it is one. `value_cents` is null where a cost document is needed."""

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
    value_cents: int | None
    currency: str
    confidence: float
    rule_version: str
    explanation: dict[str, Any]

    @classmethod
    def of(cls, claim: AmazonClaim) -> "ClaimView":
        """The view of a stored claim."""
        return cls(
            claim_id=claim.id,
            claim_type=claim.claim_type,
            fnsku=claim.fnsku,
            sku=claim.sku,
            order_id=claim.order_id,
            reference_id=claim.reference_id,
            quantity=claim.quantity,
            event_date=claim.event_date,
            opens_on=claim.opens_on,
            deadline=claim.deadline,
            value_cents=claim.value_minor,
            currency=claim.currency,
            confidence=claim.confidence_bp / BASIS_POINTS,
            rule_version=claim.rule_version,
            explanation=claim.explanation,
        )


class LossView(AnswerModel):
    """Units or money that are not claimed, and why not: the reason, its words, and what it rests on."""

    claim_type: str
    fnsku: str
    order_id: str
    reference_id: str
    quantity: int
    event_date: date
    reason: str
    because: str
    explanation: dict[str, Any]

    @classmethod
    def of(cls, loss: DetectedLoss) -> "LossView":
        """The view of a stored loss."""
        return cls(
            claim_type=loss.claim_type,
            fnsku=loss.fnsku,
            order_id=loss.order_id,
            reference_id=loss.reference_id,
            quantity=loss.quantity,
            event_date=loss.event_date,
            reason=loss.reason,
            because=closed_because(loss.reason),
            explanation=loss.explanation,
        )


class CaseView(ClaimView):
    """A case: its claim, and where it stands. `closed_reason` is set while it is closed."""

    case_id: str
    status: str
    closed_reason: str | None
    amazon_case_id: str | None
    filed_at: datetime | None
    mcde_doc_id: str | None
    audit: list[dict[str, Any]]

    @classmethod
    def of(cls, case: RefundEngineCase, claim: AmazonClaim) -> "CaseView":  # type: ignore[override]
        """The view of a stored case."""
        known = ClaimView.of(claim).model_dump()
        known["quantity"] = case.filed_quantity or claim.quantity
        if known["value_cents"] is None and case.unit_cost_minor is not None:
            known["value_cents"] = case.unit_cost_minor * known["quantity"]
        return cls(
            **known,
            case_id=case.id,
            status=case.case_status,
            closed_reason=case.closed_reason,
            amazon_case_id=case.amazon_case_id,
            filed_at=case.filed_at,
            mcde_doc_id=case.mcde_doc_id,
            audit=case.audit_log.get("steps", []),
        )


class FiledCase(ApiModel):
    """The number that Amazon gave the case."""

    amazon_case_id: PlainText = Field(pattern=r"^[0-9]{6,20}$")


class RecoveryView(AnswerModel):
    """A reimbursement and the case it answers, or why it is not ours. Minor units."""

    recovery_id: str
    case_id: str | None
    amount_cents: int
    currency: str
    quantity: int
    approved_at: datetime
    reason: str
    amazon_case_id: str
    original_recovery_id: str | None
    billable: bool
    not_billable_reason: str | None

    @classmethod
    def of(cls, row: CaseRecovery, *, case_id: str | None) -> "RecoveryView":
        """The view of a stored reimbursement; a reversal has the case of what it takes back."""
        return cls(
            recovery_id=row.recovery_id,
            case_id=case_id,
            amount_cents=row.amount_minor,
            currency=row.currency,
            quantity=row.quantity,
            approved_at=row.approved_at,
            reason=row.reason,
            amazon_case_id=row.amazon_case_id,
            original_recovery_id=row.original_recovery_id,
            billable=row.billable,
            not_billable_reason=row.not_billable_reason,
        )


class CostsStored(AnswerModel):
    """How many cases have another value now."""

    cases_valued: int
