"""Every claim becomes a case, once."""

from dataclasses import dataclass

from integrations_backend.cases import queries
from opside_chassis.database import Sessions, transaction


@dataclass(frozen=True, slots=True)
class RecordedCases:
    """All cases of the seller, and how many this run made."""

    total: int
    created: int


async def record_cases(sessions: Sessions, *, user_id: str, sync_id: str) -> RecordedCases:
    """Make the missing cases; a rerun changes nothing unless the source did."""
    async with transaction(sessions, tenant=user_id) as session:
        created = await queries.create_cases(session, user_id=user_id, sync_id=sync_id)
        return RecordedCases(await queries.count_cases(session, user_id), created)
