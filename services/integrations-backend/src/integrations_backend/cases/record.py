"""Detected claims are kept, and every claim becomes a case, once."""

from dataclasses import dataclass

from integrations_backend.cases import claim_queries, queries
from integrations_backend.detection.findings import Findings
from integrations_backend.reports.documents import documents_read
from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import RetryLater

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
        await queries.follow_claims(session, user_id=user_id, sync_id=sync_id)
        return RecordedCases(await queries.count_cases(session, user_id), created)


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
