"""The audit trail and the proof of the book."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.described import answers_file
from stripe_payments.audit.trail import AuditTrail, ChainsChecked, read_trail, verify_chains
from stripe_payments.commissions.listing import read_transaction, tenant_of
from stripe_payments.dependencies import Runtime, runtime
from stripe_payments.ledger.proof import LedgerProof, prove
from stripe_payments.statements.export import export_csv
from stripe_payments.statements.transaction import TransactionStatement, state_transaction
from stripe_payments.statements.user_audit import UserAudit, audit_user

router = APIRouter()
Parts = Annotated[Runtime, Depends(runtime)]


@router.get("/api/v1/stripe/audit-trail/{transaction_id}")
async def read_audit_trail(
    transaction_id: str, caller: Annotated[Caller, Depends(access.member())], parts: Parts
) -> AuditTrail:
    """Every change of a transaction, oldest first, and whether the chain of hashes is unbroken."""
    sessions = parts.database.sessions
    await read_transaction(sessions, caller=caller, transaction_id=transaction_id)
    return await read_trail(sessions, tenant=tenant_of(caller), transaction_id=transaction_id)


@router.get("/api/v1/stripe/transactions/{transaction_id}/statement")
async def read_statement(
    transaction_id: str, caller: Annotated[Caller, Depends(access.member())], parts: Parts
) -> TransactionStatement:
    """What happened to a transaction, who caused it, and which Stripe object proves it."""
    return await state_transaction(
        parts.database.sessions, caller=caller, transaction_id=transaction_id
    )


@router.get("/api/v1/stripe/user-audit/{user_id}")
async def read_user_audit(
    user_id: str, caller: Annotated[Caller, Depends(access.member())], parts: Parts
) -> UserAudit:
    """A user's transactions by state, their sums, and whether their audit trails hold."""
    return await audit_user(parts.database.sessions, caller=caller, user_id=user_id)


@router.get(
    "/api/v1/stripe/finance-export", response_class=Response, responses=answers_file("text/csv")
)
async def read_export(
    _admin: Annotated[Caller, Depends(access.admin())],
    parts: Parts,
    first: Annotated[date, Query(alias="from")],
    last: Annotated[date, Query(alias="to")],
) -> Response:
    """Every movement of the platform's balance at Stripe between two days (UTC), as CSV."""
    return Response(
        await export_csv(parts.database.sessions, first=first, last=last), media_type="text/csv"
    )


@router.get("/api/v1/stripe/audit/verify")
async def verify_audit(
    _admin: Annotated[Caller, Depends(access.admin())], parts: Parts
) -> ChainsChecked:
    """Recompute every hash of the audit trail."""
    return await verify_chains(parts.database.sessions)


@router.get("/api/v1/stripe/ledger/proof")
async def read_proof(
    _admin: Annotated[Caller, Depends(access.admin())], parts: Parts
) -> LedgerProof:
    """The trial balance, recomputed from the postings."""
    return await prove(parts.database.sessions)
