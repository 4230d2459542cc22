"""Detected claims are kept, and every claim becomes a case, once."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.cases import claim_queries, queries
from integrations_backend.detection.findings import Findings
from integrations_backend.events import publish
from integrations_backend.reports.documents import documents_read
from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import RetryLater
from opside_contracts.events import CasesFound

READ_MEANWHILE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class RecordedCases:
    """All cases of the seller, and how many this run made."""

    total: int
    created: int


async def record_cases(sessions: Sessions, *, user_id: str, sync_id: str) -> RecordedCases:
    """Make the missing cases, close those of which nothing is owed, open them when it is again.

    A rerun changes nothing unless the source did.
    """
    async with transaction(sessions, tenant=user_id) as session:
        created = await queries.create_cases(session, user_id=user_id, sync_id=sync_id)
        await _tell(session, created, user_id=user_id, sync_id=sync_id)
        await queries.follow_claims(session, user_id=user_id, sync_id=sync_id)
        return RecordedCases(await queries.count_cases(session, user_id), len(created))


async def _tell(
    session: AsyncSession, case_ids: Sequence[str], *, user_id: str, sync_id: str
) -> None:
    """What is new, for the seller's feed: one event a currency."""
    for worth in await queries.worth_of(session, user_id=user_id, case_ids=case_ids):
        await publish(
            session,
            CasesFound(
                event_id=f"{sync_id}:found:{worth['currency']}",
                occurred_at=worth["at"],
                user_id=user_id,
                sync_id=sync_id,
                cases=worth["cases"],
                quantity=worth["quantity"],
                known_value_minor=worth["known_value_minor"],
                currency=worth["currency"],
                first_deadline=worth["first_deadline"],
            ),
        )


async def record_findings(
    sessions: Sessions,
    findings: Findings,
    *,
    user_id: str,
    marketplace_id: str,
    sync_id: str,
    documents: int,
) -> None:
    """Keep what detection found in so many documents; the same findings again change nothing.

    Raises:
        RetryLater: there are more documents by now. What is found in all of them must not be
            overwritten by what is found in some.
    """
    async with transaction(sessions, tenant=user_id) as session:
        await claim_queries.hold_findings(session, user_id)
        if await documents_read(session, user_id) != documents:
            raise RetryLater(READ_MEANWHILE_SECONDS, "more reports were read meanwhile")
        await claim_queries.keep_claims(
            session,
            findings.claims,
            user_id=user_id,
            marketplace_id=marketplace_id,
            sync_id=sync_id,
        )
        await claim_queries.settle_other_claims(session, findings, user_id=user_id, sync_id=sync_id)
        await claim_queries.replace_losses(session, findings.losses, user_id=user_id)
