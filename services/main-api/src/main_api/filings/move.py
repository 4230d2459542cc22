"""A person moves a filing: ready, back to draft, answered, denied, appealed; and words the claim."""

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.case_facts.facts import Facts
from main_api.case_facts.reading import known_facts
from main_api.evidence.packet_evidence import held_evidence
from main_api.filings import queries
from main_api.filings.errors import PacketTooLarge, WrongMove
from main_api.filings.listing import detail_of, evidence_of, own_filing
from main_api.filings.models import Filing
from main_api.filings.rules import FilingState, may_move, person_may_move
from main_api.filings.schemas import FilingDetail, Move
from opside_chassis.database import Sessions, transaction

MOST_DOCUMENTS = 30
MOST_PACKET_BYTES = 100 * 1024 * 1024
"""Of all documents of one packet together; Amazon's desk takes far less."""


async def move_filing(
    sessions: Sessions, move: Move, *, user_id: str, filing_id: str
) -> FilingDetail:
    """Move it; to where it stands already changes nothing.

    Raises:
        NoSuchFiling: unknown, or of somebody else.
        WrongMove: it cannot go there from where it stands, or not by a person.
        PacketTooLarge: more evidence than a packet may hold.
    """
    async with transaction(sessions, tenant=user_id) as session:
        filing = await own_filing(session, user_id=user_id, filing_id=filing_id, lock=True)
        former = FilingState(filing.state)
        if former is not move.to:
            if not person_may_move(former, move.to):
                raise WrongMove(f"nobody can move a {former.value} filing to {move.to.value}")
            if move.to is FilingState.READY:
                await freeze(session, filing)
            filing.state, filing.reason = move.to.value, move.reason
            await queries.save(session, filing, changed_by=user_id)
            if move.to is FilingState.DRAFTED:
                await _open_again(session, filing, user_id=user_id)
        return await detail_of(session, filing)


def refuse_illegal(former: FilingState, state: FilingState) -> None:
    """Raise `WrongMove` for a move that is not in the table."""
    if not may_move(former, state):
        raise WrongMove(f"a filing that is {former.value} cannot become {state.value}")


async def freeze(session: AsyncSession, filing: Filing) -> None:
    """The documents that are accepted now are the packet's, and cannot be deleted any more.

    Raises:
        PacketTooLarge: too many of them, or too large.
    """
    # One that its seller deletes at this moment is not in the packet.
    documents = await held_evidence(session, await evidence_of(session, filing))
    size = sum(one.size_bytes for one in documents)
    if len(documents) > MOST_DOCUMENTS or size > MOST_PACKET_BYTES:
        raise PacketTooLarge(
            f"a packet may hold {MOST_DOCUMENTS} documents"
            f" and {MOST_PACKET_BYTES // 1024 // 1024} MB"
        )
    await queries.freeze_evidence(session, filing, [one.document_id for one in documents])


async def _open_again(session: AsyncSession, filing: Filing, *, user_id: str) -> None:
    """A draft has the documents and the facts of now."""
    await queries.free_evidence(session, filing.id)
    now = (await known_facts(session, user_id=user_id, case_ids=[filing.case_id])).values()
    for facts in now:
        if facts.as_json() != filing.facts:
            _take_over(filing, facts)
            await queries.save(session, filing, changed_by=user_id)


def _take_over(filing: Filing, facts: Facts) -> None:
    filing.facts = facts.as_json()
    filing.quantity, filing.value_minor = facts.quantity, facts.value_minor
    filing.currency, filing.deadline = facts.currency, facts.deadline


async def word_claim(
    sessions: Sessions, text: str | None, *, user_id: str, filing_id: str
) -> FilingDetail:
    """Put the claim in the seller's own words, or back in ours (None).

    Raises:
        NoSuchFiling: unknown, or of somebody else.
        WrongMove: it is not a draft any more.
    """
    async with transaction(sessions, tenant=user_id) as session:
        filing = await own_filing(session, user_id=user_id, filing_id=filing_id, lock=True)
        words = text.strip() if text and text.strip() else None
        if filing.own_text != words:
            if filing.state != FilingState.DRAFTED.value:
                raise WrongMove("only a draft's text can be changed")
            filing.own_text = words
            await queries.save(session, filing, changed_by=user_id)
        return await detail_of(session, filing)
