"""Reading filings."""

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.case_facts.facts import Facts
from main_api.evidence.packet_evidence import (
    PacketDocument,
    accepted_evidence,
    evidence_by_ids,
)
from main_api.filings import queries
from main_api.filings.claim_text import claim_text, field_sheet
from main_api.filings.errors import NoSuchFiling
from main_api.filings.models import Filing
from main_api.filings.rules import FilingState
from main_api.filings.schemas import (
    FilingChangeView,
    FilingDetail,
    FilingView,
    PacketEvidenceView,
)
from opside_chassis.database import Sessions, transaction
from opside_chassis.pagination import Page, PageQuery, decode_cursor, encode_cursor


async def list_filings(
    sessions: Sessions, *, user_id: str, state: FilingState | None, page: PageQuery
) -> Page[FilingView]:
    """One page of the seller's filings, newest first."""
    before = decode_cursor(page.cursor, parts=1)[0] if page.cursor else None
    async with transaction(sessions, tenant=user_id) as session:
        rows = await queries.filings_page(
            session, user_id=user_id, state=state, before=before, limit=page.limit
        )
    shown = rows[: page.limit]
    more = len(rows) > page.limit
    return Page[FilingView](
        items=[FilingView.of(row) for row in shown],
        next_cursor=encode_cursor(shown[-1].id) if more else None,
    )


async def read_filing(sessions: Sessions, *, user_id: str, filing_id: str) -> FilingDetail:
    """One filing with its packet.

    Raises:
        NoSuchFiling: unknown, or of somebody else.
    """
    async with transaction(sessions, tenant=user_id) as session:
        filing = await own_filing(session, user_id=user_id, filing_id=filing_id)
        return await detail_of(session, filing)


async def read_audit(sessions: Sessions, *, user_id: str, filing_id: str) -> list[FilingChangeView]:
    """Every change of a filing, oldest first.

    Raises:
        NoSuchFiling: unknown, or of somebody else.
    """
    async with transaction(sessions, tenant=user_id) as session:
        filing = await own_filing(session, user_id=user_id, filing_id=filing_id)
        rows = await queries.audit_of(session, filing.id)
    return [FilingChangeView.of(row) for row in rows]


async def own_filing(
    session: AsyncSession, *, user_id: str, filing_id: str, lock: bool = False
) -> Filing:
    """The seller's filing.

    Raises:
        NoSuchFiling: unknown, or of somebody else.
    """
    filing = await queries.filing_by_id(session, user_id=user_id, filing_id=filing_id, lock=lock)
    if filing is None:
        raise NoSuchFiling("there is no such filing")
    return filing


async def evidence_of(session: AsyncSession, filing: Filing) -> list[PacketDocument]:
    """The packet's documents: frozen once it is ready, before that those that are accepted now."""
    if filing.state != FilingState.DRAFTED.value:
        frozen = await queries.frozen_documents(session, filing.id)
        return await evidence_by_ids(session, user_id=filing.user_id, document_ids=frozen)
    accepted = await accepted_evidence(session, user_id=filing.user_id, case_ids=[filing.case_id])
    return accepted.get(filing.case_id, [])


def text_of(filing: Filing, documents: int) -> str:
    """The claim in the seller's words, or in ours."""
    return filing.own_text or claim_text(Facts.from_json(filing.facts), documents)


async def detail_of(session: AsyncSession, filing: Filing) -> FilingDetail:
    """A stored filing with its packet."""
    documents = await evidence_of(session, filing)
    return FilingDetail(
        **FilingView.of(filing).model_dump(),
        text=text_of(filing, len(documents)),
        field_sheet=field_sheet(Facts.from_json(filing.facts)),
        evidence=[
            PacketEvidenceView(
                evidence_id=one.document_id,
                file_name=one.file_name,
                kind=one.kind,
                media_type=one.media_type,
                sha256=one.sha256,
            )
            for one in documents
        ],
    )
