"""A person filed a claim at Amazon and tells its case id; integrations-backend is kept in step."""

from collections.abc import Sequence

from sqlalchemy.exc import IntegrityError

from main_api.case_facts.reading import open_cases, read_open_cases
from main_api.filings import queries
from main_api.filings.draft import OPEN
from main_api.filings.errors import CaseNotOpen, FiledOtherwise
from main_api.filings.listing import detail_of, own_filing
from main_api.filings.move import freeze, refuse_illegal
from main_api.filings.rules import MACHINE, FilingState
from main_api.filings.schemas import BulkResult, BulkResults, FiledOne, FilingDetail
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import Conflict, NotFound, OpsideError, TooManyRequests, Unavailable
from opside_chassis.outbox import StagedJob, fence, stage
from opside_contracts.integrations.cases import FileCase
from opside_contracts.integrations.client import IntegrationsClient

TELL_CASE_FILED = "tell_case_filed"


async def mark_filed(
    sessions: Sessions,
    integrations: IntegrationsClient,
    *,
    user_id: str,
    filing_id: str,
    amazon_case_id: str,
    clock: Clock,
) -> FilingDetail:
    """Note that it was filed under this Amazon case id; telling the same again is harmless.

    Raises:
        NoSuchFiling: unknown, or of somebody else.
        WrongMove: it cannot be filed from where it stands.
        CaseNotOpen: nothing is owed for the case now.
        FiledOtherwise: it has another Amazon case id, or that id belongs to another filing.
    """
    async with transaction(sessions, tenant=user_id) as session:
        filing = await own_filing(session, user_id=user_id, filing_id=filing_id)
        if filing.amazon_case_id == amazon_case_id:
            return await detail_of(session, filing)
        _refuse_other_id(filing.amazon_case_id)
        refuse_illegal(FilingState(filing.state), FilingState.FILED)
    await _refuse_closed(integrations, user_id, filing.case_id, amazon_case_id)
    noted, _ = await note_filed(
        sessions,
        user_id=user_id,
        filing_id=filing_id,
        amazon_case_id=amazon_case_id,
        clock=clock,
    )
    return noted


async def _refuse_closed(
    integrations: IntegrationsClient, user_id: str, case_id: str, amazon_case_id: str
) -> None:
    """The person has filed already: when nobody answers, his word is kept and told later."""
    try:
        case = await integrations.read_case(user_id=user_id, case_id=case_id)
    except (Unavailable, TooManyRequests):
        return
    if case.amazon_case_id == amazon_case_id:
        return
    _refuse_other_id(case.amazon_case_id)
    if case.status != OPEN:
        raise CaseNotOpen(f"this case is {case.closed_reason or case.status}")


def _refuse_other_id(known: str | None) -> None:
    if known is not None:
        raise FiledOtherwise(f"it was filed under Amazon case {known}")


async def note_filed(
    sessions: Sessions, *, user_id: str, filing_id: str, amazon_case_id: str, clock: Clock
) -> tuple[FilingDetail, bool]:
    """Move the filing to `filed` and plan to tell integrations-backend, in one transaction.

    The second value is False when it was filed under this id before.

    Raises what `mark_filed` raises, but for `CaseNotOpen`: the caller has looked at the case.
    """
    try:
        return await _file(sessions, user_id, filing_id, amazon_case_id, clock)
    except IntegrityError as error:
        raise FiledOtherwise("this Amazon case id belongs to another filing") from error


async def _file(
    sessions: Sessions, user_id: str, filing_id: str, amazon_case_id: str, clock: Clock
) -> tuple[FilingDetail, bool]:
    async with transaction(sessions, tenant=user_id) as session:
        filing = await own_filing(session, user_id=user_id, filing_id=filing_id, lock=True)
        if filing.amazon_case_id == amazon_case_id:
            return await detail_of(session, filing), False
        _refuse_other_id(filing.amazon_case_id)
        refuse_illegal(FilingState(filing.state), FilingState.FILED)
        if filing.state == FilingState.DRAFTED.value:
            await freeze(session, filing)
        filing.state = FilingState.FILED.value
        filing.amazon_case_id, filing.filed_at = amazon_case_id, clock()
        await queries.save(session, filing, changed_by=user_id)
        await stage(
            session,
            TELL_CASE_FILED,
            {"filingId": filing.id},
            tenant=user_id,
            dedupe_key=f"{TELL_CASE_FILED}:{filing.id}",
        )
        return await detail_of(session, filing), True


async def file_many(
    sessions: Sessions,
    integrations: IntegrationsClient,
    items: Sequence[FiledOne],
    *,
    user_id: str,
    clock: Clock,
) -> BulkResults:
    """Note that many were filed; each stands for itself, and a repeat changes nothing.

    Their cases are asked for together; only one that is not among the open ones is asked for by itself.
    """
    still_open = await _open_case_ids(sessions, integrations, user_id=user_id, clock=clock)
    async with transaction(sessions, tenant=user_id) as session:
        known = await queries.filings_by_ids(
            session, user_id=user_id, filing_ids=[item.filing_id for item in items]
        )
        case_ids = {row.id: row.case_id for row in known if row.amazon_case_id is None}
    results = []
    for item in items:
        case_id = case_ids.get(item.filing_id)
        try:
            if case_id is not None and still_open is not None and case_id not in still_open:
                await _refuse_closed(integrations, user_id, case_id, item.amazon_case_id)
            filing, fresh = await note_filed(
                sessions,
                user_id=user_id,
                filing_id=item.filing_id,
                amazon_case_id=item.amazon_case_id,
                clock=clock,
            )
        except OpsideError as error:
            results.append(_refused(item, error))
            continue
        results.append(
            BulkResult(
                case_id=filing.case_id,
                filing_id=filing.filing_id,
                outcome="done" if fresh else "unchanged",
                state=filing.state,
            )
        )
    return BulkResults(results=results)


async def _open_case_ids(
    sessions: Sessions, integrations: IntegrationsClient, *, user_id: str, clock: Clock
) -> set[str] | None:
    """The cases for which something is owed now; None while nobody tells us."""
    try:
        await read_open_cases(sessions, integrations, user_id=user_id, clock=clock)
    except (Unavailable, TooManyRequests):
        return None
    return {case.case_id for case in (await open_cases(sessions, user_id=user_id)).cases}


def _refused(item: FiledOne, error: OpsideError) -> BulkResult:
    return BulkResult(
        case_id=None,
        filing_id=item.filing_id,
        outcome="refused",
        state=None,
        code=error.code,
        detail=error.detail,
    )


async def tell_case_filed(
    sessions: Sessions, integrations: IntegrationsClient, job: StagedJob, *, clock: Clock
) -> None:
    """Tell integrations-backend, so that payments find the case; its refusal is kept and shown.

    Raises:
        Unavailable: it does not answer; tried again.
    """
    user_id = job.tenant or ""
    async with transaction(sessions, tenant=user_id) as session:
        filing = await own_filing(session, user_id=user_id, filing_id=job.payload["filingId"])
    if filing.told_at is not None or filing.amazon_case_id is None:
        return
    problem = None
    try:
        await integrations.file_case(
            FileCase(amazon_case_id=filing.amazon_case_id),
            user_id=user_id,
            case_id=filing.case_id,
        )
    except (Conflict, NotFound) as error:
        problem = error.detail
    async with transaction(sessions, tenant=user_id) as session:
        await fence(session, job)
        filing = await own_filing(session, user_id=user_id, filing_id=filing.id, lock=True)
        filing.told_at = clock() if problem is None else None
        filing.told_problem = problem
        await queries.save(session, filing, changed_by=MACHINE)
