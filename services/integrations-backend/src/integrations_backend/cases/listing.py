"""Reading claims, cases and recoveries."""

from collections.abc import Sized

from integrations_backend.cases import claim_queries, queries, recovery_queries
from integrations_backend.cases.errors import NoSuchCase
from integrations_backend.cases.rules import CaseStatus
from integrations_backend.cases.schemas import CaseView, ClaimView, LossView, RecoveryView
from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import BadRequest
from opside_chassis.pagination import Page, PageQuery, decode_cursor, encode_cursor

MOST_DIGITS = 9


async def list_claims(sessions: Sessions, *, user_id: str, page: PageQuery) -> Page[ClaimView]:
    """One page of detected claims, newest first."""
    async with transaction(sessions, tenant=user_id) as session:
        rows = await claim_queries.claims_page(
            session, user_id=user_id, before=_before(page), limit=page.limit
        )
    shown = [ClaimView.of(row) for row in rows[: page.limit]]
    return Page[ClaimView](
        items=shown, next_cursor=_next(rows, page, shown[-1].claim_id if shown else "")
    )


async def list_losses(sessions: Sessions, *, user_id: str, page: PageQuery) -> Page[LossView]:
    """One page of losses that are no claims, as of the last detection."""
    after = _place(page)
    async with transaction(sessions, tenant=user_id) as session:
        rows = await claim_queries.losses_page(
            session, user_id=user_id, after=after, limit=page.limit
        )
    shown = rows[: page.limit]
    return Page[LossView](
        items=[LossView.of(row) for row in shown],
        next_cursor=_next(rows, page, str(shown[-1].place) if shown else ""),
    )


async def list_cases(
    sessions: Sessions, *, user_id: str, status: CaseStatus | None, page: PageQuery
) -> Page[CaseView]:
    """One page of cases, newest first."""
    async with transaction(sessions, tenant=user_id) as session:
        rows = await queries.cases_page(
            session, user_id=user_id, status=status, before=_before(page), limit=page.limit
        )
    shown = [CaseView.of(case, claim) for case, claim in rows[: page.limit]]
    return Page[CaseView](
        items=shown, next_cursor=_next(rows, page, shown[-1].case_id if shown else "")
    )


async def read_case(sessions: Sessions, *, user_id: str, case_id: str) -> CaseView:
    """One case.

    Raises:
        NoSuchCase: unknown, or of somebody else.
    """
    async with transaction(sessions, tenant=user_id) as session:
        row = await queries.case_with_claim(session, user_id=user_id, case_id=case_id)
    if row is None:
        raise NoSuchCase("there is no such case")
    return CaseView.of(*row)


async def list_recoveries(
    sessions: Sessions, *, user_id: str, page: PageQuery
) -> Page[RecoveryView]:
    """One page of reimbursements, ours and others."""
    async with transaction(sessions, tenant=user_id) as session:
        rows = await queries.recoveries_page(
            session, user_id=user_id, before=_before(page), limit=page.limit
        )
        # A reversal may have been read before its payment, and so before it had a case.
        cases = await recovery_queries.known_among(
            session, user_id, {row.original_recovery_id or "" for row in rows}
        )
    shown = [
        RecoveryView.of(
            row, case_id=row.case_id or cases.get(row.original_recovery_id or "") or None
        )
        for row in rows[: page.limit]
    ]
    return Page[RecoveryView](
        items=shown, next_cursor=_next(rows, page, shown[-1].recovery_id if shown else "")
    )


def _place(page: PageQuery) -> int:
    if page.cursor is None:
        return -1
    (place,) = decode_cursor(page.cursor, parts=1)
    if not (place.isascii() and place.isdecimal() and len(place) <= MOST_DIGITS):
        raise BadRequest("the cursor is not one of ours")
    return int(place)


def _before(page: PageQuery) -> str | None:
    return decode_cursor(page.cursor, parts=1)[0] if page.cursor else None


def _next(rows: Sized, page: PageQuery, last: str) -> str | None:
    more = len(rows) > page.limit
    return encode_cursor(last) if more else None
