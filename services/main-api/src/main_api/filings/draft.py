"""Draft filings: one for each open case, made once, from the facts of that moment."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.case_facts.facts import Facts
from main_api.case_facts.reading import open_cases_now
from main_api.filings import queries
from main_api.filings.errors import CaseNotOpen
from main_api.filings.listing import detail_of
from main_api.filings.rules import FilingState
from main_api.filings.schemas import BulkResult, BulkResults, FilingDetail
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_chassis.ids import new_id
from opside_contracts.integrations.client import IntegrationsClient

OPEN = "open"
NOT_OPEN = "nothing is owed for this case now, or it is not yours"


async def draft_filing(
    sessions: Sessions, integrations: IntegrationsClient, *, user_id: str, case_id: str
) -> FilingDetail:
    """Draft a filing for a case as it is now; the one that is there, if there is one.

    Raises:
        NotFound: there is no such case, or it is somebody else's.
        CaseNotOpen: nothing is owed for it now, or it was filed elsewhere.
    """
    async with transaction(sessions, tenant=user_id) as session:
        known = await queries.filings_of_cases(session, user_id=user_id, case_ids=[case_id])
        if known:
            return await detail_of(session, known[0])
    case = await integrations.read_case(user_id=user_id, case_id=case_id)
    if case.status != OPEN:
        raise CaseNotOpen(f"this case is {case.closed_reason or case.status}")
    async with transaction(sessions, tenant=user_id) as session:
        await add_drafts(session, [Facts.told(case)], user_id=user_id, by=user_id)
        [filing] = await queries.filings_of_cases(session, user_id=user_id, case_ids=[case_id])
        return await detail_of(session, filing)


async def draft_many(
    sessions: Sessions,
    integrations: IntegrationsClient,
    case_ids: Sequence[str],
    *,
    user_id: str,
    clock: Clock,
) -> BulkResults:
    """Draft filings for many cases at once; a repeat changes nothing.

    Raises:
        Unavailable: integrations-backend does not answer and no cases were ever read.
    """
    open_now = await open_cases_now(sessions, integrations, user_id=user_id, clock=clock)
    facts = {case.case_id: case for case in open_now.cases}
    wanted = [facts[one] for one in dict.fromkeys(case_ids) if one in facts]
    async with transaction(sessions, tenant=user_id) as session:
        fresh = await add_drafts(session, wanted, user_id=user_id, by=user_id)
        filings = await queries.filings_of_cases(session, user_id=user_id, case_ids=case_ids)
    known = {filing.case_id: (filing.id, FilingState(filing.state)) for filing in filings}
    return BulkResults(results=[_result(one, known, fresh) for one in case_ids])


def _result(
    case_id: str, known: Mapping[str, tuple[str, FilingState]], fresh: set[str]
) -> BulkResult:
    if case_id not in known:
        return BulkResult(
            case_id=case_id,
            filing_id=None,
            outcome="refused",
            state=None,
            code=CaseNotOpen.code,
            detail=NOT_OPEN,
        )
    filing_id, state = known[case_id]
    outcome = "done" if case_id in fresh else "unchanged"
    return BulkResult(case_id=case_id, filing_id=filing_id, outcome=outcome, state=state)


async def add_drafts(
    session: AsyncSession, cases: Iterable[Facts], *, user_id: str, by: str
) -> set[str]:
    """Draft filings for cases that have none; answers their case ids."""
    return await queries.insert_filings(
        session, [_row(case, user_id=user_id, by=by) for case in cases]
    )


def _row(case: Facts, *, user_id: str, by: str) -> dict[str, Any]:
    return {
        "id": new_id("fil"),
        "user_id": user_id,
        "case_id": case.case_id,
        "claim_id": case.claim_id,
        "claim_type": case.claim_type,
        "state": FilingState.DRAFTED.value,
        "quantity": case.quantity,
        "value_minor": case.value_minor,
        "currency": case.currency,
        "deadline": case.deadline,
        "facts": case.as_json(),
        "changed_by": by,
    }
