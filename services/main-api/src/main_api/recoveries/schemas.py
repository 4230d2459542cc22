"""A recovery and its fee, as the seller sees them."""

from datetime import datetime

from main_api.recoveries.models import Recovery
from opside_chassis.wire import AnswerModel


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
    transaction_id: str | None
    commission_status: str | None
    settled: bool
    next_step: str
    fee_cents: int
    collected_cents: int
    transferred_cents: int
    refunded_cents: int
    reversed_cents: int
    payment_intent_id: str | None
    failure_reason: str | None

    @classmethod
    def of(cls, row: Recovery) -> "RecoveryView":
        """The view of a stored recovery."""
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
            transaction_id=row.transaction_id,
            commission_status=row.commission_status,
            settled=row.settled,
            next_step=row.next_step,
            fee_cents=row.fee_minor,
            collected_cents=row.collected_minor,
            transferred_cents=row.transferred_minor,
            refunded_cents=row.refunded_minor,
            reversed_cents=row.reversed_minor,
            payment_intent_id=row.payment_intent_id,
            failure_reason=row.failure_reason,
        )
