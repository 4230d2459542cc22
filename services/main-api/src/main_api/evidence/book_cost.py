"""An invoice that a person accepted for a case tells what its units cost: into the cost book (MCDE)."""

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.evidence import match_queries, queries
from main_api.evidence.models import EvidenceMatch
from main_api.evidence.rules import DocumentKind, MatchStatus
from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import NotFound
from opside_chassis.outbox import StagedJob, stage
from opside_contracts.integrations.cases import UnitCost
from opside_contracts.integrations.client import IntegrationsClient

BOOK_COST = "book_cost"
LONGEST_SOURCE_CHARS = 300


async def stage_cost(session: AsyncSession, match: EvidenceMatch, kind: str) -> None:
    """Stage it for an accepted line of an invoice; a whole document tells no unit's cost."""
    if kind == DocumentKind.INVOICE.value and match.line_no > 0:
        await stage(session, BOOK_COST, {"matchId": match.id}, tenant=match.user_id)


async def book_cost(sessions: Sessions, integrations: IntegrationsClient, job: StagedJob) -> None:
    """Book it under the SKU of the case, from the day of the invoice; what is not told is not booked.

    Raises:
        Unavailable: integrations-backend does not answer; tried again.
    """
    user_id = job.tenant or ""
    async with transaction(sessions, tenant=user_id) as session:
        match = await match_queries.match_by_id(
            session, user_id=user_id, match_id=job.payload["matchId"]
        )
        if match is None or match.status != MatchStatus.ACCEPTED.value:
            return
        document = await queries.document_by_id(
            session, user_id=user_id, document_id=match.document_id
        )
        said = {
            (row.line_no, row.name): row.value
            for row in await queries.fields_of(session, [match.document_id])
        }
    cost = said.get((match.line_no, "unit_cost_minor"))
    day, currency = said.get((0, "invoice_date")), said.get((0, "currency"))
    if document is None or not (cost and day and currency and int(cost)):
        return
    try:
        case = await integrations.read_case(user_id=user_id, case_id=match.case_id)
    except NotFound:
        return
    if not case.sku:
        return
    number = said.get((0, "invoice_number"))
    source = f"{document.file_name} ({number})" if number else document.file_name
    booked = UnitCost.model_validate(
        {
            "sku": case.sku,
            "unit_cost_cents": int(cost),
            "currency": currency,
            "source_document": source[:LONGEST_SOURCE_CHARS],
            "effective_date": day,
        }
    )
    await integrations.put_costs([booked], user_id=user_id)
