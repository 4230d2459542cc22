"""All SQL about cases, costs and recoveries."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, RowMapping, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.cases.models import AmazonClaim, CaseRecovery, CostEntry, RefundEngineCase
from integrations_backend.cases.rules import CLOSED_BECAUSE
from opside_chassis.ids import new_id

_CREATE = text(
    """
    INSERT INTO refund_engine_cases (id, user_id, claim_id, raw_data, normalized_data, audit_log)
    SELECT 'cas_' || substr(c.id, 5), c.user_id, c.id, c.explanation,
           jsonb_build_object('claimType', c.claim_type, 'fnsku', c.fnsku, 'sku', c.sku,
                              'orderId', c.order_id, 'referenceId', c.reference_id,
                              'quantity', c.quantity, 'valueMinor', c.value_minor,
                              'currency', c.currency, 'deadline', c.deadline),
           jsonb_build_object('steps', jsonb_build_array(
               jsonb_build_object('step', 'created', 'syncId', CAST(:sync_id AS text), 'at', now())))
      FROM amazon_claims c WHERE c.user_id = :user_id AND c.settled_as IS NULL
    ON CONFLICT (user_id, claim_id) DO NOTHING
    RETURNING id
    """
)
_REFRESH = text(
    """
    UPDATE refund_engine_cases k
       SET normalized_data = k.normalized_data || jsonb_build_object('quantity', c.quantity,
                                                                     'valueMinor', c.value_minor),
           raw_data = c.explanation, synced_at = now(),
           audit_log = jsonb_set(k.audit_log, '{steps}', (k.audit_log->'steps') || jsonb_build_array(
               jsonb_build_object('step', 'source changed', 'syncId', CAST(:sync_id AS text),
                                  'at', now(), 'quantity', c.quantity,
                                  'valueMinor', c.value_minor)))
      FROM amazon_claims c
     WHERE c.user_id = :user_id AND k.user_id = c.user_id AND k.claim_id = c.id
       AND k.case_status = 'open'
       AND ((k.normalized_data->>'quantity')::bigint, (k.normalized_data->>'valueMinor')::bigint)
           IS DISTINCT FROM (c.quantity, c.value_minor)
    """
)
_CLOSE = text(
    """
    UPDATE refund_engine_cases k
       SET case_status = 'closed', closed_reason = why.words, synced_at = now(),
           audit_log = jsonb_set(k.audit_log, '{steps}', (k.audit_log->'steps') || jsonb_build_array(
               jsonb_build_object('step', 'closed', 'syncId', CAST(:sync_id AS text),
                                  'at', now(), 'reason', why.words)))
      FROM amazon_claims c
      CROSS JOIN LATERAL (
          SELECT COALESCE(CAST(:words AS jsonb) ->> c.settled_as, c.settled_as) AS words) why
     WHERE c.user_id = :user_id AND k.user_id = c.user_id AND k.claim_id = c.id
       AND k.case_status = 'open' AND c.settled_as IS NOT NULL
    """
)
_REOPEN = text(
    """
    UPDATE refund_engine_cases k
       SET case_status = 'open', closed_reason = NULL, synced_at = now(),
           audit_log = jsonb_set(k.audit_log, '{steps}', (k.audit_log->'steps') || jsonb_build_array(
               jsonb_build_object('step', 'owed again', 'syncId', CAST(:sync_id AS text),
                                  'at', now())))
      FROM amazon_claims c
     WHERE c.user_id = :user_id AND k.user_id = c.user_id AND k.claim_id = c.id
       AND k.case_status = 'closed' AND c.settled_as IS NULL
    """
)


async def create_cases(session: AsyncSession, *, user_id: str, sync_id: str) -> list[str]:
    """A case for every claim that has none. Answers their ids."""
    parameters = {"user_id": user_id, "sync_id": sync_id}
    return list((await session.execute(_CREATE, parameters)).scalars())


_WORTH = text(
    """
    SELECT c.currency, count(*) AS cases, sum(c.quantity)::bigint AS quantity,
           coalesce(sum(c.value_minor), 0)::bigint AS known_value_minor,
           min(c.deadline) AS first_deadline, now() AS at
      FROM refund_engine_cases k
      JOIN amazon_claims c ON c.user_id = k.user_id AND c.id = k.claim_id
     WHERE k.user_id = :user_id AND k.id = ANY(:case_ids)
     GROUP BY c.currency ORDER BY c.currency
    """
)


async def worth_of(
    session: AsyncSession, *, user_id: str, case_ids: Sequence[str]
) -> Sequence[RowMapping]:
    """What these cases are about, by currency; minor units, as far as values are known."""
    parameters = {"user_id": user_id, "case_ids": list(case_ids)}
    return (await session.execute(_WORTH, parameters)).mappings().all()


async def follow_claims(session: AsyncSession, *, user_id: str, sync_id: str) -> None:
    """Cases that are not filed close, open and change with their claim; filed ones are frozen."""
    parameters = {"user_id": user_id, "sync_id": sync_id}
    await session.execute(_CLOSE, parameters | {"words": json.dumps(CLOSED_BECAUSE)})
    await session.execute(_REOPEN, parameters)
    await session.execute(_REFRESH, parameters)


async def count_cases(session: AsyncSession, user_id: str) -> int:
    """All cases of a user."""
    query = select(func.count()).where(RefundEngineCase.user_id == user_id)
    return (await session.execute(query)).scalar_one()


_LINK = text(
    """
    UPDATE refund_engine_cases k
       SET mcde_doc_id = e.id, unit_cost_minor = e.unit_cost_minor, synced_at = now()
      FROM amazon_claims c
      CROSS JOIN LATERAL (
          SELECT id, unit_cost_minor FROM cost_entries e
           WHERE e.user_id = c.user_id AND e.sku = c.sku AND e.currency = c.currency
             AND e.effective_date <= c.event_date
           ORDER BY e.effective_date DESC LIMIT 1) e
     WHERE k.user_id = :user_id AND c.user_id = k.user_id AND c.id = k.claim_id
       AND c.value_minor IS NULL
       AND (k.mcde_doc_id, k.unit_cost_minor) IS DISTINCT FROM (e.id, e.unit_cost_minor)
    RETURNING k.id
    """
)


async def link_costs(session: AsyncSession, user_id: str) -> int:
    """Link the cost entry in force on the day of the loss to each case that needs one."""
    return len((await session.execute(_LINK, {"user_id": user_id})).all())


async def cost_book(session: AsyncSession, user_id: str) -> Sequence[CostEntry]:
    """Every cost entry of a seller."""
    query = select(CostEntry).where(CostEntry.user_id == user_id)
    return (await session.scalars(query.order_by(CostEntry.sku, CostEntry.effective_date))).all()


async def put_costs(session: AsyncSession, entries: Sequence[dict[str, Any]]) -> None:
    """Store or replace cost entries by SKU, currency and effective day."""
    for entry in entries:
        statement = insert(CostEntry).values(id=new_id("cst"), **entry)
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=["user_id", "sku", "currency", "effective_date"],
                set_={
                    "unit_cost_minor": statement.excluded.unit_cost_minor,
                    "source_document": statement.excluded.source_document,
                    "invoice_id": None,
                },
            )
        )


async def cases_page(
    session: AsyncSession, *, user_id: str, status: str | None, before: str | None, limit: int
) -> Sequence[Row[RefundEngineCase, AmazonClaim]]:
    """Cases with their claims, newest first, one more than asked."""
    query = (
        select(RefundEngineCase, AmazonClaim)
        .join(
            AmazonClaim,
            (AmazonClaim.user_id == RefundEngineCase.user_id)
            & (AmazonClaim.id == RefundEngineCase.claim_id),
        )
        .where(RefundEngineCase.user_id == user_id)
    )
    if status is not None:
        query = query.where(RefundEngineCase.case_status == status)
    if before is not None:
        query = query.where(RefundEngineCase.id < before)
    return (
        await session.execute(query.order_by(RefundEngineCase.id.desc()).limit(limit + 1))
    ).all()


async def case_with_claim(
    session: AsyncSession, *, user_id: str, case_id: str, lock: bool = False
) -> Row[RefundEngineCase, AmazonClaim] | None:
    """One case with its claim."""
    query = (
        select(RefundEngineCase, AmazonClaim)
        .join(
            AmazonClaim,
            (AmazonClaim.user_id == RefundEngineCase.user_id)
            & (AmazonClaim.id == RefundEngineCase.claim_id),
        )
        .where(RefundEngineCase.user_id == user_id, RefundEngineCase.id == case_id)
    )
    if lock:
        query = query.with_for_update(of=RefundEngineCase).execution_options(populate_existing=True)
    return (await session.execute(query)).one_or_none()


async def case_by_amazon_id(
    session: AsyncSession, *, user_id: str, amazon_case_id: str
) -> RefundEngineCase | None:
    """The case that was filed under an Amazon case id."""
    query = select(RefundEngineCase).where(
        RefundEngineCase.user_id == user_id, RefundEngineCase.amazon_case_id == amazon_case_id
    )
    return (await session.scalars(query)).one_or_none()


async def hold_amazon_id(session: AsyncSession, *, user_id: str, amazon_case_id: str) -> None:
    """Until the end of the transaction nobody else files a case of this user under this id."""
    lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
    await session.execute(lock, {"key": f"amazon_case:{user_id}:{amazon_case_id}"})


async def note_step(session: AsyncSession, case_id: str, step: dict[str, Any]) -> None:
    """Append to a case's audit log."""
    await session.execute(
        text(
            "UPDATE refund_engine_cases SET audit_log = jsonb_set(audit_log, '{steps}',"
            " (audit_log->'steps') || jsonb_build_array(CAST(:step AS jsonb) || jsonb_build_object("
            "'at', now()))) WHERE id = :id"
        ),
        {"id": case_id, "step": json.dumps(step)},
    )


async def set_status(session: AsyncSession, case_id: str, status: str) -> None:
    """Move a case; the database refuses illegal moves."""
    await session.execute(
        update(RefundEngineCase).where(RefundEngineCase.id == case_id).values(case_status=status)
    )


async def known_recoveries(session: AsyncSession, user_id: str) -> set[str]:
    """Reimbursement ids that are allocated already."""
    query = select(CaseRecovery.recovery_id).where(CaseRecovery.user_id == user_id)
    return set(await session.scalars(query))


async def add_recovery(session: AsyncSession, recovery: CaseRecovery) -> None:
    """Allocate a reimbursement id, once."""
    session.add(recovery)
    await session.flush()


async def recovery_by_id(
    session: AsyncSession, *, user_id: str, recovery_id: str
) -> CaseRecovery | None:
    """An allocated reimbursement."""
    return await session.get(CaseRecovery, (user_id, recovery_id))


async def reversals_of(
    session: AsyncSession, *, user_id: str, recovery_id: str
) -> Sequence[CaseRecovery]:
    """What Amazon took back of a reimbursement, as far as it is allocated."""
    query = select(CaseRecovery).where(
        CaseRecovery.user_id == user_id, CaseRecovery.original_recovery_id == recovery_id
    )
    return (await session.scalars(query.order_by(CaseRecovery.approved_at))).all()


@dataclass(frozen=True, slots=True)
class Paid:
    """What Amazon paid for a case so far, before it took anything back."""

    units: int
    amount_minor: int


async def paid_so_far(session: AsyncSession, *, user_id: str, case_id: str) -> Paid:
    """All payments that were allocated to a case."""
    query = select(
        func.coalesce(func.sum(CaseRecovery.quantity), 0),
        func.coalesce(func.sum(CaseRecovery.amount_minor), 0),
    ).where(
        CaseRecovery.user_id == user_id,
        CaseRecovery.case_id == case_id,
        CaseRecovery.amount_minor > 0,
    )
    units, amount = (await session.execute(query)).one()
    return Paid(int(units), int(amount))


async def recoveries_page(
    session: AsyncSession, *, user_id: str, before: str | None, limit: int
) -> list[CaseRecovery]:
    """The user's reimbursements, by id, one more than asked."""
    query = select(CaseRecovery).where(CaseRecovery.user_id == user_id)
    if before is not None:
        query = query.where(CaseRecovery.recovery_id < before)
    return list(
        await session.scalars(query.order_by(CaseRecovery.recovery_id.desc()).limit(limit + 1))
    )
