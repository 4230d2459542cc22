"""One reimbursement that answers a filed case, or takes back what did: case, recovery and event together."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.cases import queries
from integrations_backend.cases.models import AmazonClaim, CaseRecovery, RefundEngineCase
from integrations_backend.cases.rules import (
    TRANSITIONS,
    CaseStatus,
    status_after_money,
    status_after_payment,
)
from integrations_backend.detection.answered import MONEY_CLAIMS
from integrations_backend.events import publish
from opside_contracts.events import RecoveryConfirmed, RecoveryReversed

REVERSAL = "Amazon took a reimbursement back"


async def confirm(session: AsyncSession, recovery: CaseRecovery, *, now: datetime) -> None:
    """The payment of a case that was filed through us: ours to charge, and told to main-api.

    Raises:
        ValidationError: it cannot be told; nothing of it may stay.
    """
    case = await queries.case_by_amazon_id(
        session, user_id=recovery.user_id, amazon_case_id=recovery.amazon_case_id
    )
    if case is None:
        raise LookupError(f"no case was filed under {recovery.amazon_case_id}")
    recovery.case_id, recovery.billable = case.id, True
    await queries.add_recovery(session, recovery)
    row = await queries.case_with_claim(
        session, user_id=recovery.user_id, case_id=case.id, lock=True
    )
    if row is None:
        raise LookupError(f"case {case.id} has no claim")
    locked, claim = row
    paid = await queries.paid_so_far(session, user_id=recovery.user_id, case_id=case.id)
    await _move(session, locked, _status_after(paid, locked, claim))
    await queries.note_step(
        session, case.id, {"step": "paid", "reimbursementId": recovery.recovery_id}
    )
    await publish(
        session,
        RecoveryConfirmed(
            event_id=f"{recovery.recovery_id}:confirmed",
            occurred_at=now,
            user_id=recovery.user_id,
            recovery_id=recovery.recovery_id,
            case_id=case.id,
            claim_id=claim.id,
            claim_type=claim.claim_type,
            amount_minor=recovery.amount_minor,
            currency=recovery.currency,
            quantity=recovery.quantity,
            approved_at=recovery.approved_at,
            amazon_case_id=recovery.amazon_case_id,
            billable=True,
            rule_version=claim.rule_version,
        ),
    )
    # Reports come in any order: its reversal may have been read before the payment.
    for reversal in await queries.reversals_of(
        session, user_id=recovery.user_id, recovery_id=recovery.recovery_id
    ):
        if reversal.not_billable_reason == REVERSAL:
            await _take_back(session, reversal, case_id=case.id, now=now)


async def reverse(session: AsyncSession, reversal: CaseRecovery, *, now: datetime) -> None:
    """A reimbursement of a case of ours is taken back; `reversal.case_id` names the case."""
    await queries.add_recovery(session, reversal)
    await _take_back(session, reversal, case_id=reversal.case_id or "", now=now)


async def _take_back(
    session: AsyncSession, reversal: CaseRecovery, *, case_id: str, now: datetime
) -> None:
    if reversal.amount_minor >= 0:
        return  # units taken back, no money: the sign decides, not the word (facts section 4)
    row = await queries.case_with_claim(
        session, user_id=reversal.user_id, case_id=case_id, lock=True
    )
    if row is None:
        raise LookupError(f"case {case_id} has no claim")
    await _move(session, row[0], CaseStatus.REVERSED)
    await queries.note_step(
        session, case_id, {"step": "reversed", "reimbursementId": reversal.recovery_id}
    )
    await publish(session, told(reversal, now))


def told(reversal: CaseRecovery, now: datetime) -> RecoveryReversed:
    """What main-api hears of it. Raises ValidationError for what cannot be told."""
    return RecoveryReversed(
        event_id=f"{reversal.recovery_id}:reversed",
        occurred_at=now,
        user_id=reversal.user_id,
        recovery_id=reversal.original_recovery_id or "",
        reversal_id=reversal.recovery_id,
        amount_minor=-reversal.amount_minor,
        currency=reversal.currency,
        reversed_at=reversal.approved_at,
    )


def _status_after(paid: queries.Paid, case: RefundEngineCase, claim: AmazonClaim) -> CaseStatus:
    asked = case.normalized_data.get("valueMinor")
    if claim.claim_type in MONEY_CLAIMS and asked is not None:
        return status_after_money(int(asked), paid.amount_minor)
    return status_after_payment(case.filed_quantity or claim.quantity, paid.units)


async def _move(session: AsyncSession, case: RefundEngineCase, status: CaseStatus) -> None:
    """A case that was reversed stays so, also when Amazon pays again: people must see both."""
    if (CaseStatus(case.case_status), status) in TRANSITIONS:
        await queries.set_status(session, case.id, status.value)
