"""Reading detected claims."""

from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.detection import queries
from integrations_backend.detection.models import AmazonClaim


async def claims_page(
    session: AsyncSession, *, user_id: str, before: str | None, limit: int
) -> list[AmazonClaim]:
    """The user's claims, newest first, one more than asked to see whether there are more."""
    return await queries.claims_page(session, user_id=user_id, before=before, limit=limit)
