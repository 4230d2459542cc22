"""A person filed a case at Amazon and tells us its number (rulings R14)."""

from integrations_backend.cases import queries
from integrations_backend.cases.errors import CaseClosed, FiledOtherwise, NoSuchCase
from integrations_backend.cases.models import AmazonClaim, RefundEngineCase
from integrations_backend.cases.rules import CaseStatus, closed_because
from integrations_backend.cases.schemas import CaseView
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction


async def file_case(
    sessions: Sessions, *, user_id: str, case_id: str, amazon_case_id: str, clock: Clock
) -> CaseView:
    """Mark the case as filed; telling the same again is harmless.

    Raises:
        NoSuchCase: unknown, or of somebody else.
        CaseClosed: nothing is owed for it now.
        FiledOtherwise: it was filed under another id, or the id belongs to another case.
    """
    async with transaction(sessions, tenant=user_id) as session:
        row = await queries.case_with_claim(session, user_id=user_id, case_id=case_id, lock=True)
        if row is None:
            raise NoSuchCase("there is no such case")
        case, claim = row
        if case.amazon_case_id == amazon_case_id:
            return CaseView.of(case, claim)
        if case.amazon_case_id is None and (reason := _closed(case, claim)):
            raise CaseClosed(f"this case is closed: {reason}")
        await queries.hold_amazon_id(session, user_id=user_id, amazon_case_id=amazon_case_id)
        other = await queries.case_by_amazon_id(
            session, user_id=user_id, amazon_case_id=amazon_case_id
        )
        if case.amazon_case_id is not None or other is not None:
            raise FiledOtherwise("this case or this Amazon case id is taken already")
        case.amazon_case_id = amazon_case_id
        case.filed_at = clock()
        case.filed_quantity = claim.quantity
        case.case_status = CaseStatus.FILED.value
        await session.flush()
        await queries.note_step(session, case_id, {"step": "filed", "amazonCaseId": amazon_case_id})
        return CaseView.of(case, claim)


def _closed(case: RefundEngineCase, claim: AmazonClaim) -> str | None:
    """Why it must not be filed. A case follows its claim a step later, so either may say so."""
    if claim.settled_as is not None:
        return closed_because(claim.settled_as)
    return case.closed_reason
