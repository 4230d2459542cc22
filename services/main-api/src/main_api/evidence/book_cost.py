"""An invoice that a person accepted for a case tells what its units cost: into the cost book (MCDE)."""

from collections import defaultdict

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.evidence import match_queries, queries
from main_api.evidence.models import EvidenceMatch
from main_api.evidence.rules import DocumentKind, MatchStatus
from main_api.evidence.told_costs import ToldCost, cost_in_force
from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import NotFound
from opside_chassis.outbox import StagedJob, stage
from opside_contracts.integrations.cases import UnitCost
from opside_contracts.integrations.client import IntegrationsClient

BOOK_COST = "book_cost"


async def stage_cost(session: AsyncSession, match: EvidenceMatch, kind: str) -> None:
    """Stage it for an accepted line of an invoice; a whole document tells no unit's cost."""
    if kind == DocumentKind.INVOICE.value and match.line_no > 0:
        await stage(session, BOOK_COST, {"matchId": match.id}, tenant=match.user_id)


async def book_cost(sessions: Sessions, integrations: IntegrationsClient, job: StagedJob) -> None:
    """Book it under the SKU of the case, from the day of the invoice; what is not told is not booked.

    Where other accepted invoices of that day tell another cost of the SKU, see `cost_in_force`.

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
        said = {
            row.name: row.value
            for row in await queries.fields_of(session, [match.document_id])
            if row.line_no == 0
        }
        day, currency = said.get("invoice_date"), said.get("currency")
        if not (day and currency):
            return
        told = await _told_by_case(session, user_id, day, currency)
    if match.case_id not in told:
        return
    skus = {case_id: await _sku_of(integrations, user_id, case_id) for case_id in sorted(told)}
    sku = skus[match.case_id]
    if not sku:
        return
    cost, source = cost_in_force(
        one for case_id, costs in told.items() if skus[case_id] == sku for one in costs
    )
    booked = UnitCost.model_validate(
        {
            "sku": sku,
            "unit_cost_cents": cost.minor,
            "currency": currency,
            "source_document": source,
            "effective_date": day,
        }
    )
    await integrations.put_costs([booked], user_id=user_id)


async def _told_by_case(
    session: AsyncSession, user_id: str, day: str, currency: str
) -> dict[str, list[ToldCost]]:
    """What accepted invoices of the day say that a unit of each case cost."""
    lines = await match_queries.accepted_lines_of_day(
        session, user_id=user_id, day=day, currency=currency
    )
    document_ids = sorted({document.id for _, document in lines})
    said = {
        (row.document_id, row.line_no, row.name): row
        for row in await queries.fields_of(session, document_ids)
        if row.value
    }
    told: defaultdict[str, list[ToldCost]] = defaultdict(list)
    for match, document in lines:
        cost = said.get((document.id, match.line_no, "unit_cost_minor"))
        if cost is None or not int(cost.value or 0):
            continue
        named = {
            name: field.value or ""
            for name in ("supplier", "invoice_number")
            if (field := said.get((document.id, 0, name)))
        }
        told[match.case_id].append(
            ToldCost(
                document_id=document.id,
                file_name=document.file_name,
                supplier=named.get("supplier", ""),
                number=named.get("invoice_number", ""),
                minor=int(cost.value or 0),
                confidence_bp=cost.confidence_bp,
            )
        )
    return told


async def _sku_of(integrations: IntegrationsClient, user_id: str, case_id: str) -> str:
    try:
        return (await integrations.read_case(user_id=user_id, case_id=case_id)).sku
    except NotFound:
        return ""
