"""Detect what Amazon owes a seller, from everything that was read, and keep it."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from integrations_backend.archive import Archive
from integrations_backend.cases import claim_queries, queries
from integrations_backend.cases.models import CostEntry
from integrations_backend.cases.raw_rows import with_rows
from integrations_backend.cases.record import record_findings
from integrations_backend.detection.facts import UnitCost
from integrations_backend.detection.findings import Findings
from integrations_backend.detection.run import detect_for_user
from integrations_backend.reports.documents import documents_read
from opside_chassis.database import Sessions, transaction


async def detect_claims(
    sessions: Sessions,
    archive: Archive,
    *,
    user_id: str,
    marketplace_id: str,
    source_id: str,
    now: datetime,
) -> Findings:
    """Run the rules and keep their findings; `source_id` is the sync or upload that asked for it.

    Raises:
        RetryLater: more was read meanwhile; what was found is out of date.
    """
    async with transaction(sessions, tenant=user_id) as session:
        documents = await documents_read(session, user_id)
        costs = _by_sku(await queries.cost_book(session, user_id))
        filed = await claim_queries.filed_about_money(session, user_id)
    findings = await detect_for_user(
        archive,
        user_id=user_id,
        marketplace_id=marketplace_id,
        now=now,
        costs=costs,
        filed=filed,
    )
    findings.claims = await asyncio.to_thread(with_rows, archive, findings.claims, user_id=user_id)
    await record_findings(
        sessions,
        findings,
        user_id=user_id,
        marketplace_id=marketplace_id,
        sync_id=source_id,
        documents=documents,
    )
    return findings


def _by_sku(entries: Iterable[CostEntry]) -> dict[str, tuple[UnitCost, ...]]:
    known: dict[str, list[UnitCost]] = defaultdict(list)
    for entry in entries:
        known[entry.sku].append(
            UnitCost(
                minor=entry.unit_cost_minor,
                currency=entry.currency.lower(),
                effective=entry.effective_date,
                document=entry.source_document,
            )
        )
    return {sku: tuple(costs) for sku, costs in known.items()}
