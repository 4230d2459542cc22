"""A recovery and its fee, as the seller sees them."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from main_api.recoveries.models import Objection, Recovery
from main_api.recoveries.rules import Outcome
from opside_chassis.wire import AnswerModel, ApiModel, PlainText
from opside_contracts.payments.messages import CommissionStatus

LONGEST_REASON_CHARS = 2_000


class RecoveryView(AnswerModel):
    """One line: what Amazon paid, why, and what became of our fee. Amounts in minor units."""

    recovery_id: str
    case_id: str
    claim_id: str
    claim_type: str
    amount_cents: int
    currency: str
    quantity: int
    approved_at: datetime
    amazon_case_id: str | None
    billable: bool
    not_billable_reason: str | None
    rule_version: str
    review_until: datetime | None
    """The seller may object until then; the fee is asked for afterwards."""
    objection: str | None
    """The seller's words."""
    objection_outcome: Outcome | None
    objection_note: str | None
    not_charged_reason: str | None
    transaction_id: str | None
    commission_status: str | None
    settled: bool
    next_step: str
    rate_bp: int | None
    """Basis points of the fee; null until stripe-payments accepted it."""
    fee_cents: int
    collected_cents: int
    transferred_cents: int
    refunded_cents: int
    reversed_cents: int
    payment_intent_id: str | None
    failure_reason: str | None

    @property
    def why_no_fee(self) -> str | None:
        """Why there is none, where there is none."""
        waived = self.failure_reason if self.commission_status == CommissionStatus.WAIVED else None
        return self.not_billable_reason or self.not_charged_reason or waived

    @property
    def objection_state(self) -> str | None:
        """`open`, `upheld` or `rejected`; None where the seller did not object."""
        if self.objection is None:
            return None
        return self.objection_outcome.value if self.objection_outcome else "open"

    @classmethod
    def of(cls, row: Recovery, objection: Objection | None) -> "RecoveryView":
        """The view of a stored recovery and of what its seller has against the fee."""
        return cls(
            recovery_id=row.recovery_id,
            case_id=row.case_id,
            claim_id=row.claim_id,
            claim_type=row.claim_type,
            amount_cents=row.amount_minor,
            currency=row.currency,
            quantity=row.quantity,
            approved_at=row.approved_at,
            amazon_case_id=row.amazon_case_id,
            billable=row.billable,
            not_billable_reason=row.not_billable_reason,
            rule_version=row.rule_version,
            review_until=row.review_until,
            objection=objection and objection.reason,
            objection_outcome=Outcome(objection.outcome)
            if objection and objection.outcome
            else None,
            objection_note=objection and objection.note,
            not_charged_reason=row.not_charged_reason,
            transaction_id=row.transaction_id,
            commission_status=row.commission_status,
            settled=row.settled,
            next_step=row.next_step,
            rate_bp=row.rate_bp,
            fee_cents=row.fee_minor,
            collected_cents=row.collected_minor,
            transferred_cents=row.transferred_minor,
            refunded_cents=row.refunded_minor,
            reversed_cents=row.reversed_minor,
            payment_intent_id=row.payment_intent_id,
            failure_reason=row.failure_reason,
        )


class ObjectionReason(ApiModel):
    """Why the seller thinks that no fee is due."""

    reason: Annotated[PlainText, Field(min_length=1, max_length=LONGEST_REASON_CHARS)]


class Decision(ApiModel):
    """What an admin makes of an objection; the note is shown to the seller."""

    outcome: Outcome
    note: Annotated[PlainText, Field(min_length=1, max_length=LONGEST_REASON_CHARS)]


class ObjectionView(AnswerModel):
    """An objection as an admin sees it. Amounts in minor units."""

    objection_id: str
    user_id: str
    recovery_id: str
    case_id: str
    amount_cents: int
    currency: str
    reason: str
    raised_at: datetime
    outcome: Outcome | None
    note: str | None
    decided_by: str | None
    decided_at: datetime | None

    @classmethod
    def of(cls, row: Objection, recovery: Recovery) -> "ObjectionView":
        """The view of a stored objection."""
        return cls(
            objection_id=row.recovery_row_id,
            user_id=row.user_id,
            recovery_id=recovery.recovery_id,
            case_id=recovery.case_id,
            amount_cents=recovery.amount_minor,
            currency=recovery.currency,
            reason=row.reason,
            raised_at=row.raised_at,
            outcome=Outcome(row.outcome) if row.outcome else None,
            note=row.note,
            decided_by=row.decided_by,
            decided_at=row.decided_at,
        )
