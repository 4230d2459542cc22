"""The audit trail and the proof of the book."""

from typing import Annotated

from fastapi import APIRouter, Depends

from opside_chassis import access
from opside_chassis.access import Caller
from stripe_payments.audit.trail import AuditTrail, read_trail
from stripe_payments.commissions.listing import read_transaction, tenant_of
from stripe_payments.dependencies import Runtime, runtime
from stripe_payments.ledger.proof import LedgerProof, prove

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


@router.get("/api/v1/stripe/ledger/proof")
async def read_proof(
    _admin: Annotated[Caller, Depends(access.admin())], parts: Parts
) -> LedgerProof:
    """The trial balance, recomputed from the postings."""
    return await prove(parts.database.sessions)
