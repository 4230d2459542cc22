"""The role a user has now, for tokens minted now."""

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.accounts import queries


async def role_of(session: AsyncSession, user_id: str) -> str | None:
    """`user` or `admin`; None when the user is gone."""
    user = await queries.user_by_id(session, user_id)
    return user.role if user else None
