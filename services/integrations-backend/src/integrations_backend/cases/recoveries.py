"""Match reimbursement rows to our filed cases: what confirms a recovery (rulings R15).

A reimbursement id is allocated once. It is ours to charge only when it answers a case that was filed
through Opside; automatic payments and cases filed elsewhere are kept with the reason. Only what Amazon
itself handed out is believed.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

import polars as pl
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.archive import Archive
from integrations_backend.cases import queries
from integrations_backend.cases.models import CaseRecovery, RefundEngineCase
from integrations_backend.cases.rules import TRANSITIONS, CaseStatus, status_after_payment
from integrations_backend.events import publish
from integrations_backend.reports.kinds import REIMBURSEMENTS
from integrations_backend.reports.proof import rows_from_amazon
from opside_chassis.database import Sessions, transaction
from opside_contracts.events import RecoveryConfirmed, RecoveryReversed

AUTOMATIC = "Amazon paid by itself, without a case"
NOT_FILED_HERE = "paid for a case that was not filed through Opside"
IN_STOCK = "Amazon gave units back instead of money"
REVERSAL = "Amazon took a reimbursement back"
UNUSABLE = "Amazon's row cannot be believed: "


async def match_recoveries(
    sessions: Sessions, archive: Archive, *, user_id: str, now: datetime
) -> int:
    """Allocate every reimbursement id that is not allocated yet; answers how many were new."""
    read = await rows_from_amazon(sessions, archive, user_id=user_id, report_type=REIMBURSEMENTS)
    if read is None:
        return 0
    rows = await asyncio.to_thread(_by_reimbursement, read)
    async with transaction(sessions, tenant=user_id) as session:
        known = await queries.known_recoveries(session, user_id)
    fresh = [row for row in rows.iter_rows(named=True) if row["reimbursement-id"] not in known]
    for row in sorted(fresh, key=lambda one: bool(one["original-reimbursement-id"])):
        try:
            async with transaction(sessions, tenant=user_id) as session:
                await _allocate(session, _recovery(row, user_id), now=now)
        except ValidationError as error:
            # One strange row must not stop the seller's other payments for ever.
            async with transaction(sessions, tenant=user_id) as session:
                await queries.add_recovery(session, _put_aside(_recovery(row, user_id), error))
    return len(fresh)


def _put_aside(recovery: CaseRecovery, error: ValidationError) -> CaseRecovery:
    """Kept for a person to look at: what cannot be told to the other services is not billed."""
    wrong = sorted({str(one["loc"][0]).replace("_", " ") for one in error.errors()})
    recovery.billable, recovery.not_billable_reason = False, UNUSABLE + ", ".join(wrong)
    return recovery


def _by_reimbursement(rows: pl.DataFrame) -> pl.DataFrame:
    """One row a reimbursement id: Amazon may write several."""
    firsts: Callable[[str], pl.Expr] = lambda name: pl.col(name).first()  # noqa: E731
    return (
        rows.sort("approval-date", "row_key", "occurrence")
        .group_by("reimbursement-id", maintain_order=True)
        .agg(
            *(
                firsts(name)
                for name in (
                    "approval-date",
                    "case-id",
                    "reason",
                    "currency-unit",
                    "original-reimbursement-id",
                )
            ),
            pl.col("amount-total").sum(),
            pl.col("quantity-reimbursed-cash").sum(),
        )
    )


def _recovery(row: dict[str, object], user_id: str) -> CaseRecovery:
    amount, cash = row["amount-total"], row["quantity-reimbursed-cash"]
    return CaseRecovery(
        user_id=user_id,
        recovery_id=str(row["reimbursement-id"]),
        case_id=None,
        amount_minor=int(str(amount)),
        currency=str(row["currency-unit"]).lower(),
        quantity=max(0, int(str(cash))),
        approved_at=row["approval-date"],
        reason=str(row["reason"]),
        amazon_case_id=str(row["case-id"] or ""),
        original_recovery_id=str(row["original-reimbursement-id"] or "") or None,
        billable=False,
        not_billable_reason=None,
    )


async def _allocate(session: AsyncSession, recovery: CaseRecovery, *, now: datetime) -> None:
    if recovery.original_recovery_id is not None:
        await _reverse(session, recovery, now=now)
    elif recovery.amount_minor <= 0:
        recovery.not_billable_reason = IN_STOCK
        await queries.add_recovery(session, recovery)
    else:
        await _confirm(session, recovery, now=now)


async def _confirm(session: AsyncSession, recovery: CaseRecovery, *, now: datetime) -> None:
    case = None
    if recovery.amazon_case_id:
        case = await queries.case_by_amazon_id(
            session, user_id=recovery.user_id, amazon_case_id=recovery.amazon_case_id
        )
    if case is None:
        recovery.not_billable_reason = NOT_FILED_HERE if recovery.amazon_case_id else AUTOMATIC
        await queries.add_recovery(session, recovery)
        return
    recovery.case_id, recovery.billable = case.id, True
    await queries.add_recovery(session, recovery)
    row = await queries.case_with_claim(
        session, user_id=recovery.user_id, case_id=case.id, lock=True
    )
    if row is None:
        raise LookupError(f"case {case.id} has no claim")
    locked, claim = row
    paid = await queries.paid_units(session, user_id=recovery.user_id, case_id=case.id)
    status = status_after_payment(case.filed_quantity or claim.quantity, paid)
    await _move(session, locked, status)
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


async def _reverse(session: AsyncSession, reversal: CaseRecovery, *, now: datetime) -> None:
    reversal.not_billable_reason = REVERSAL
    if reversal.amount_minor < 0:
        _told(reversal, now)  # what cannot be told is refused before its payment may come
    original = await queries.recovery_by_id(
        session, user_id=reversal.user_id, recovery_id=reversal.original_recovery_id or ""
    )
    reversal.case_id = original.case_id if original else None
    await queries.add_recovery(session, reversal)
    if original is not None and original.case_id is not None:
        await _take_back(session, reversal, case_id=original.case_id, now=now)


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
    await publish(session, _told(reversal, now))


def _told(reversal: CaseRecovery, now: datetime) -> RecoveryReversed:
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


async def _move(session: AsyncSession, case: RefundEngineCase, status: CaseStatus) -> None:
    """A case that was reversed stays so, also when Amazon pays again: people must see both."""
    if (CaseStatus(case.case_status), status) in TRANSITIONS:
        await queries.set_status(session, case.id, status.value)
