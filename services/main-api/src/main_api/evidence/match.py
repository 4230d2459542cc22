"""Propose which open cases a seller's documents answer. Only a person accepts."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.case_facts.facts import Facts
from main_api.case_facts.reading import open_cases_now
from main_api.evidence import match_queries, queries
from main_api.evidence.matching import Document, Line, Value, propose
from main_api.evidence.models import EvidenceMatch
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_chassis.ids import new_id
from opside_chassis.outbox import StagedJob, fence
from opside_contracts.integrations.client import IntegrationsClient

MATCH_EVIDENCE = "match_evidence"
MOST_DOCUMENTS_AT_ONCE = 200
"""A seller's newest that say anything; one run must end within a job's time."""


async def match_evidence(
    sessions: Sessions, integrations: IntegrationsClient, job: StagedJob, *, clock: Clock
) -> None:
    """Match one document, or with no `evidenceId` all of a seller, against his open cases.

    Raises:
        Unavailable: integrations-backend does not answer and no cases were ever read; tried again.
    """
    user_id = job.tenant or ""
    open_now = await open_cases_now(sessions, integrations, user_id=user_id, clock=clock)
    async with transaction(sessions, tenant=user_id) as session:
        await fence(session, job)
        await match_queries.hold_matching(session, user_id)
        asked: str | None = job.payload.get("evidenceId")
        ids = (
            [asked]
            if asked
            else await queries.ids_with_fields(
                session, user_id=user_id, limit=MOST_DOCUMENTS_AT_ONCE
            )
        )
        await _propose(session, ids, open_now.cases, user_id=user_id)


async def _propose(
    session: AsyncSession, document_ids: Sequence[str], cases: Sequence[Facts], *, user_id: str
) -> None:
    documents = await _documents(session, document_ids)
    proven = await match_queries.proven_units(session, user_id)
    for document_id, document in documents.items():
        found = [
            EvidenceMatch(
                id=new_id("mat"),
                case_id=one.case_id,
                line_no=one.line_no,
                units=one.units,
                confidence_bp=one.confidence_bp,
                reasons=list(one.reasons),
            )
            for one in propose(document, cases, proven=proven)
        ]
        await match_queries.replace_proposals(
            session, found, user_id=user_id, document_id=document_id
        )


async def _documents(session: AsyncSession, ids: Sequence[str]) -> dict[str, Document]:
    values: dict[str, dict[int, dict[str, Value]]] = defaultdict(lambda: defaultdict(dict))
    for row in await queries.fields_of(session, ids):
        if row.value is not None:
            values[row.document_id][row.line_no][row.name] = Value(row.value, row.confidence_bp)
    lines: dict[str, list[Line]] = defaultdict(list)
    for line in await queries.lines_of(session, ids):
        free = line.units - line.used_units
        if free > 0:
            said = values[line.document_id][line.line_no]
            lines[line.document_id].append(Line(line.line_no, said, free))
    return {
        document_id: Document(said.get(0, {}), lines[document_id])
        for document_id, said in list(values.items())
    }
