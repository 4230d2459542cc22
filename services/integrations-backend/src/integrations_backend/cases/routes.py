"""Claims, cases, recoveries and the cost book of the signed-in seller."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from integrations_backend.cases.file_case import file_case
from integrations_backend.cases.link_costs import Cost, put_costs
from integrations_backend.cases.listing import (
    list_cases,
    list_claims,
    list_losses,
    list_recoveries,
    read_case,
)
from integrations_backend.cases.rules import CaseStatus
from integrations_backend.cases.schemas import (
    CaseView,
    ClaimView,
    CostsStored,
    FiledCase,
    LossView,
    RecoveryView,
)
from integrations_backend.dependencies import Runtime, runtime
from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.pagination import Page, PageQuery

router = APIRouter()
Member = Annotated[Caller, Depends(access.member())]
Parts = Annotated[Runtime, Depends(runtime)]
MOST_COSTS = 1_000


class CaseQuery(PageQuery):
    """Which cases."""

    status: CaseStatus | None = None


@router.get("/api/amazon/claims")
@router.get("/api/v1/amazon/claims")
async def read_claims(
    caller: Member, parts: Parts, page: Annotated[PageQuery, Query()]
) -> Page[ClaimView]:
    """What may be claimed of Amazon now, each claim with its explanation and deadline."""
    return await list_claims(parts.database.sessions, user_id=caller.user_id, page=page)


@router.get("/api/amazon/losses")
@router.get("/api/v1/amazon/losses")
async def read_losses(
    caller: Member, parts: Parts, page: Annotated[PageQuery, Query()]
) -> Page[LossView]:
    """What is missing and not claimed, and why not."""
    return await list_losses(parts.database.sessions, user_id=caller.user_id, page=page)


@router.get("/api/cases")
async def read_cases(
    caller: Member, parts: Parts, query: Annotated[CaseQuery, Query()]
) -> Page[CaseView]:
    """Cases, newest first; `status` filters."""
    return await list_cases(
        parts.database.sessions, user_id=caller.user_id, status=query.status, page=query
    )


@router.get("/api/cases/{case_id}")
async def read_one_case(case_id: str, caller: Member, parts: Parts) -> CaseView:
    """One case with its audit log."""
    return await read_case(parts.database.sessions, user_id=caller.user_id, case_id=case_id)


@router.post("/api/cases/{case_id}/filed")
async def mark_filed(case_id: str, filed: FiledCase, caller: Member, parts: Parts) -> CaseView:
    """A person filed the case at Amazon under this number."""
    return await file_case(
        parts.database.sessions,
        user_id=caller.user_id,
        case_id=case_id,
        amazon_case_id=filed.amazon_case_id,
        clock=parts.clock,
    )


@router.get("/api/recoveries")
async def read_recoveries(
    caller: Member, parts: Parts, page: Annotated[PageQuery, Query()]
) -> Page[RecoveryView]:
    """Reimbursements as Amazon reported them, ours to charge or not, with the reason."""
    return await list_recoveries(parts.database.sessions, user_id=caller.user_id, page=page)


@router.put("/api/costs")
async def store_costs(
    costs: Annotated[list[Cost], Field(max_length=MOST_COSTS)], caller: Member, parts: Parts
) -> CostsStored:
    """Enter what units cost, with the document that shows it; lost stock is valued by it."""
    changed = await put_costs(parts.database.sessions, costs, user_id=caller.user_id)
    return CostsStored(cases_valued=changed)
