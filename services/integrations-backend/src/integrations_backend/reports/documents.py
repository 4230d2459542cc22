"""What other domains need to know of the documents that were read."""

from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.reports import queries


async def documents_read(session: AsyncSession, user_id: str) -> int:
    """How many documents were read for the user; it only ever grows."""
    return await queries.count_read(session, user_id)
