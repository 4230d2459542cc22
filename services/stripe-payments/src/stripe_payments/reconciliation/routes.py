"""Reconciliation, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.wire import AnswerModel, ApiModel, PlainText, Reference
from stripe_payments.dependencies import Runtime, runtime
from stripe_payments.reconciliation.cases import ResolvedCase, resolve
from stripe_payments.reconciliation.compare import compare_books
from stripe_payments.reconciliation.mend import Mender, Reconciled
from stripe_payments.reconciliation.poll import Poller
from stripe_payments.reconciliation.retry import Retried, retry_transaction
from stripe_payments.reconciliation.summary import OpenCase, Summary, cases_now, summarize
from stripe_payments.reconciliation.sweep import sweep_overdue
from stripe_payments.stripe_api.errors import told_to_callers

router = APIRouter()
Admin = Annotated[Caller, Depends(access.admin())]
Parts = Annotated[Runtime, Depends(runtime)]
Note = Annotated[PlainText, Field(min_length=1, max_length=400)]


class Reconcile(ApiModel):
    """Which transaction, and why."""

    transaction_id: Reference
    reason: Note


class Retry(ApiModel):
    """Which transaction."""

    transaction_id: Reference


class Close(ApiModel):
    """Why it is all right, or what was done."""

    note: Note


class Processed(AnswerModel):
    """What one round of reconciliation saw."""

    objects: int
    differences: int


@router.post("/api/v1/stripe/reconcile")
async def reconcile(body: Reconcile, admin: Admin, parts: Parts) -> Reconciled:
    """Fetch what Stripe has of one transaction and bring ours in line."""
    with told_to_callers():
        return await _mender(parts, admin).transaction(body.transaction_id, reason=body.reason)


@router.post("/api/v1/stripe/process-reconciliations")
async def process(_admin: Admin, parts: Parts) -> Processed:
    """One round now: events that never came, rows that stand still, both books compared."""
    with told_to_callers():
        poller = Poller(parts.database.sessions, parts.stripe, parts.clock)
        await poller.platform()
        await poller.accounts()
        await sweep_overdue(parts.database.sessions)
        compared = await compare_books(parts.database.sessions, parts.stripe)
    return Processed(objects=compared.objects, differences=compared.differences)


@router.get("/api/v1/stripe/reconciliation-summary")
async def read_summary(_admin: Admin, parts: Parts) -> Summary:
    """Counts and sums by state, breaks with age, cause and mend, and open cases."""
    return await summarize(parts.database.sessions)


@router.post("/api/v1/stripe/retry-transaction", status_code=202)
async def retry(body: Retry, admin: Admin, parts: Parts) -> Retried:
    """Let a transaction that failed go on."""
    return await retry_transaction(parts.database.sessions, body.transaction_id, by=admin.user_id)


@router.post("/api/v1/stripe/breaks/{break_id}/mend", status_code=204)
async def mend(break_id: str, body: Close, admin: Admin, parts: Parts) -> None:
    """Reconcile the transaction of a break and compare again."""
    with told_to_callers():
        await _mender(parts, admin).mend_break(break_id, note=body.note)


@router.post("/api/v1/stripe/breaks/{break_id}/close", status_code=204)
async def close(break_id: str, body: Close, admin: Admin, parts: Parts) -> None:
    """Say why both sides may differ; for what is not ours to mend."""
    await _mender(parts, admin).close_break(break_id, note=body.note)


@router.get("/api/v1/stripe/cases")
async def read_cases(_admin: Admin, parts: Parts) -> list[OpenCase]:
    """What waits for a person, oldest first; at most 100."""
    return await cases_now(parts.database.sessions)


@router.post("/api/v1/stripe/cases/{case_id}/resolve")
async def resolve_one(case_id: str, body: Close, admin: Admin, parts: Parts) -> ResolvedCase:
    """Close a case with its reason; a share that a dispute held back is sent on."""
    return await resolve(parts.database.sessions, case_id, by=admin.user_id, note=body.note)


def _mender(parts: Runtime, admin: Caller) -> Mender:
    return Mender(parts.database.sessions, parts.stripe, admin.user_id)
