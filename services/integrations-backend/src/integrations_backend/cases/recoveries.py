"""Match reimbursement rows to our filed cases: what confirms a recovery (rulings R15).

A reimbursement id is allocated once. It is ours to charge only when it answers a case that was filed
through Opside; automatic payments and cases filed elsewhere are kept with the reason. Only what Amazon
itself handed out is believed.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import polars as pl
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.archive import Archive
from integrations_backend.cases import queries, recovery_queries
from integrations_backend.cases.allocate import REVERSAL, confirm, reverse, told
from integrations_backend.cases.models import CaseRecovery
from integrations_backend.reports.kinds import REIMBURSEMENTS
from integrations_backend.reports.proof import rows_from_amazon
from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import RetryLater

AUTOMATIC = "Amazon paid by itself, without a case"
NOT_FILED_HERE = "paid for a case that was not filed through Opside"
IN_STOCK = "Amazon gave units back instead of money"
UNUSABLE = "Amazon's row cannot be believed: "
Row = Mapping[str, Any]
"""A reimbursement id with its sums, by Amazon's column names."""


BATCH = 500
"""Reimbursements in one transaction: short enough for everybody who waits for one of its rows."""
WORK_SECONDS = 8.0
"""One run of the job allocates for so long, then lets others work; well under the job's 20 s."""
HELD_SECONDS = 0.5
"""When to look again whether another run is done with a batch."""


async def match_recoveries(
    sessions: Sessions, archive: Archive, *, user_id: str, now: datetime
) -> int:
    """Allocate every reimbursement id that is not allocated yet; answers how many were new.

    Raises:
        RetryLater: there are more than one run's, or another run is at them; what was done stays.
    """
    read = await rows_from_amazon(sessions, archive, user_id=user_id, report_type=REIMBURSEMENTS)
    if read is None:
        return 0
    rows = await asyncio.to_thread(_by_reimbursement, read)
    async with transaction(sessions, tenant=user_id) as session:
        known = await queries.known_recoveries(session, user_id)
    fresh = [row for row in rows.iter_rows(named=True) if row["reimbursement-id"] not in known]
    begun = time.monotonic()
    # Payments first: the batch of a reversal must find what it takes back.
    for reversals in (False, True):
        some = [row for row in fresh if bool(_taken_back_by(row)) is reversals]
        for start in range(0, len(some), BATCH):
            if time.monotonic() - begun > WORK_SECONDS:
                raise RetryLater(0, "more reimbursements to allocate")
            async with transaction(sessions, tenant=user_id) as session:
                await _allocate(session, user_id, some[start : start + BATCH], now=now)
    return len(fresh)


async def _allocate(
    session: AsyncSession, user_id: str, rows: Sequence[Row], *, now: datetime
) -> None:
    """Allocate a batch: what belongs to no case together, the others one by one."""
    if not await recovery_queries.hold_recoveries(session, user_id):
        raise RetryLater(HELD_SECONDS, "another run allocates this seller's reimbursements")
    batch = await _Batch.of(session, user_id, rows)
    alone: list[CaseRecovery] = []
    for row in rows:
        recovery = _recovery(row, user_id)
        if recovery.recovery_id in batch.known:
            continue  # another run was faster
        try:
            if not batch.decide(recovery, now):
                alone.append(recovery)
                continue
            # One strange row must not stop the seller's other payments for ever.
            async with session.begin_nested():
                act = reverse if recovery.original_recovery_id is not None else confirm
                await act(session, recovery, now=now)
        except ValidationError as error:
            alone.append(_put_aside(_recovery(row, user_id), error))
    await recovery_queries.add_recoveries(session, alone)


@dataclass(frozen=True, slots=True)
class _Batch:
    """What is stored already that a batch's rows may belong to."""

    known: Mapping[str, str]
    """Allocated reimbursements of the batch, and those that it takes back, each with its case."""
    filed: frozenset[str]
    """Amazon's case ids of the batch under which something was filed through us."""

    @classmethod
    async def of(cls, session: AsyncSession, user_id: str, rows: Sequence[Row]) -> Self:
        ids = {str(row["reimbursement-id"]) for row in rows}
        originals = {_taken_back_by(row) for row in rows}
        numbers = {str(row["case-id"] or "") for row in rows} - {""}
        return cls(
            await recovery_queries.known_among(session, user_id, ids | originals),
            frozenset(await recovery_queries.filed_among(session, user_id, numbers)),
        )

    def decide(self, recovery: CaseRecovery, now: datetime) -> bool:
        """Whether it answers a case of ours; otherwise the reason is noted why it is not ours.

        Raises:
            ValidationError: what cannot be told is refused before its payment may come.
        """
        if recovery.original_recovery_id is not None:
            recovery.not_billable_reason = REVERSAL
            if recovery.amount_minor < 0:
                told(recovery, now)
            recovery.case_id = self.known.get(recovery.original_recovery_id) or None
            return recovery.case_id is not None
        if recovery.amount_minor <= 0:
            recovery.not_billable_reason = IN_STOCK
            return False
        if recovery.amazon_case_id in self.filed:
            return True
        recovery.not_billable_reason = NOT_FILED_HERE if recovery.amazon_case_id else AUTOMATIC
        return False


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


def _recovery(row: Row, user_id: str) -> CaseRecovery:
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
        original_recovery_id=_taken_back_by(row) or None,
        billable=False,
        not_billable_reason=None,
    )


def _taken_back_by(row: Row) -> str:
    """The reimbursement that this row takes back, or an empty text.

    One that names another and pays money tops it up: a payment of its own, since the sign decides
    and not the word (facts section 4).
    """
    pays = int(str(row["amount-total"])) > 0
    return "" if pays else str(row["original-reimbursement-id"] or "")
