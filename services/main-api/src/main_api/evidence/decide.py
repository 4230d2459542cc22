"""A person decides which document answers which case; accepted units are used once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from main_api.evidence import match_queries
from main_api.evidence.book_cost import stage_cost
from main_api.evidence.errors import NoSuchMatch, UnitsUsedUp, WrongField
from main_api.evidence.listing import own_document
from main_api.evidence.models import EvidenceMatch
from main_api.evidence.rules import CERTAIN_BP, MatchStatus
from main_api.evidence.schemas import MatchView, NewMatch
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_chassis.ids import new_id
from opside_chassis.pagination import Page, PageQuery, decode_cursor, encode_cursor
from opside_contracts.integrations.client import IntegrationsClient

BY_HAND = "you matched them yourself"


async def decide_match(
    sessions: Sessions, status: MatchStatus, *, user_id: str, match_id: str, clock: Clock
) -> MatchView:
    """Accept or reject a match; a decision may be changed, and saying it again is harmless.

    Raises:
        NoSuchMatch: unknown, or of somebody else.
        UnitsUsedUp: accepted matches use the line's units already.
    """
    async with _units_used_once(sessions, user_id) as session:
        await match_queries.hold_matching(session, user_id)
        match = await match_queries.match_by_id(
            session, user_id=user_id, match_id=match_id, lock=True
        )
        if match is None:
            raise NoSuchMatch("there is no such match")
        document = await own_document(session, user_id, match.document_id)
        if match.status != status.value:
            await match_queries.decide(session, match, status, decided_by=user_id, now=clock())
            if status is MatchStatus.ACCEPTED:
                await stage_cost(session, match, document.kind)
        return MatchView.of(match, document)


async def match_by_hand(
    sessions: Sessions,
    integrations: IntegrationsClient,
    wanted: NewMatch,
    *,
    user_id: str,
    evidence_id: str,
    clock: Clock,
) -> MatchView:
    """A person matches a document, or units of one of its lines, to a case; accepted at once.

    Raises:
        NoSuchEvidence, NotFound: the document or the case is unknown, or of somebody else.
        WrongField: a line without units, or units without a line.
        UnitsUsedUp: accepted matches use the line's units already.
    """
    if (wanted.line_no == 0) != (wanted.units == 0):
        raise WrongField("name a line and how many of its units, or neither")
    await integrations.read_case(user_id=user_id, case_id=wanted.case_id)
    async with _units_used_once(sessions, user_id) as session:
        await match_queries.hold_matching(session, user_id)
        document = await own_document(session, user_id, evidence_id)
        match = EvidenceMatch(
            id=new_id("mat"),
            user_id=user_id,
            document_id=document.id,
            line_no=wanted.line_no,
            case_id=wanted.case_id,
            units=wanted.units,
            status=MatchStatus.ACCEPTED.value,
            confidence_bp=CERTAIN_BP,
            reasons=[BY_HAND],
            decided_by=user_id,
            decided_at=clock(),
        )
        if not await match_queries.add_match(session, match):
            match = await _rematched(session, match)
        await stage_cost(session, match, document.kind)
        return MatchView.of(match, document)


async def _rematched(session: AsyncSession, wanted: EvidenceMatch) -> EvidenceMatch:
    """The line and the case were matched before: the person's units count now."""
    match = await match_queries.match_of(
        session,
        user_id=wanted.user_id,
        document_id=wanted.document_id,
        line_no=wanted.line_no,
        case_id=wanted.case_id,
    )
    if match is None:
        raise NoSuchMatch("there is no such match")
    match.units = wanted.units
    await match_queries.decide(
        session,
        match,
        MatchStatus.ACCEPTED,
        decided_by=wanted.user_id,
        now=wanted.decided_at or match.created_at,
    )
    return match


async def list_matches(
    sessions: Sessions,
    *,
    user_id: str,
    case_id: str | None,
    evidence_id: str | None,
    page: PageQuery,
) -> Page[MatchView]:
    """One page of matches, newest first."""
    before = decode_cursor(page.cursor, parts=1)[0] if page.cursor else None
    async with transaction(sessions, tenant=user_id) as session:
        rows = await match_queries.matches_page(
            session,
            user_id=user_id,
            case_id=case_id,
            document_id=evidence_id,
            before=before,
            limit=page.limit,
        )
    shown = [MatchView.of(match, document) for match, document in rows[: page.limit]]
    more = len(rows) > page.limit
    return Page[MatchView](
        items=shown, next_cursor=encode_cursor(shown[-1].match_id) if more else None
    )


@asynccontextmanager
async def _units_used_once(sessions: Sessions, user_id: str) -> AsyncIterator[AsyncSession]:
    """A transaction in which the database's refusal to use a unit twice is told in our words."""
    try:
        async with transaction(sessions, tenant=user_id) as session:
            yield session
    except IntegrityError as error:
        raise UnitsUsedUp("so many units of this line are not free: each counts once") from error
