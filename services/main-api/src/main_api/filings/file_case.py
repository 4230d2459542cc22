"""A person filed a case at Amazon and names it by its case: its filing is drafted and filed here."""

from main_api.case_facts.facts import Facts
from main_api.filings import queries
from main_api.filings.draft import OPEN, add_drafts
from main_api.filings.file import note_filed
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_contracts.integrations.cases import FileCase, SellerCase
from opside_contracts.integrations.client import IntegrationsClient

FILED = "filed"
"""Told before this room knew of it, and not answered by Amazon yet."""


async def file_case(
    sessions: Sessions,
    integrations: IntegrationsClient,
    *,
    user_id: str,
    case_id: str,
    amazon_case_id: str,
    clock: Clock,
) -> SellerCase:
    """File the case's filing, drafting it first if there is none; answers the case as it is then.

    What integrations-backend would refuse is not noted here: its answer is the caller's. It is told at
    once and, should that fail after the filing was noted, by the filing's own job.

    Raises:
        NotFound: there is no such case, or it is somebody else's.
        Conflict: the case is closed, was filed otherwise, or its filing cannot be filed.
        Unavailable: integrations-backend does not answer; asking again is harmless.
    """
    case = await integrations.read_case(user_id=user_id, case_id=case_id)
    if case.status in {OPEN, FILED} and case.amazon_case_id in {None, amazon_case_id}:
        filing_id = await _filing_of(sessions, case, user_id=user_id)
        await note_filed(
            sessions,
            user_id=user_id,
            filing_id=filing_id,
            amazon_case_id=amazon_case_id,
            clock=clock,
        )
    told = FileCase(amazon_case_id=amazon_case_id)
    return await integrations.file_case(told, user_id=user_id, case_id=case_id)


async def _filing_of(sessions: Sessions, case: SellerCase, *, user_id: str) -> str:
    async with transaction(sessions, tenant=user_id) as session:
        await add_drafts(session, [Facts.told(case)], user_id=user_id, by=user_id)
        [filing] = await queries.filings_of_cases(session, user_id=user_id, case_ids=[case.case_id])
        return filing.id
