"""What a user is shown of himself."""

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.accounts import queries
from main_api.accounts.schemas import Me
from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import NotFound
from opside_contracts.integrations.messages import Connection, ConnectionStatus, Provider
from opside_contracts.payments.messages import Collection


async def read_profile(sessions: Sessions, *, user_id: str, default_mode: Collection) -> Me:
    """Profile, role and the state of every connection.

    Raises:
        NotFound: the user is gone, though his token has not expired yet.
    """
    async with transaction(sessions, tenant=user_id) as session:
        user = await queries.user_by_id(session, user_id)
        known = {row.provider: row for row in await queries.connections_of(session, user_id)}
    if user is None:
        raise NotFound("this account no longer exists")
    amazon = known.get(Provider.AMAZON)
    return Me(
        user_id=user.id,
        email=user.email,
        name=user.name,
        role=user.role,
        collection_mode=Collection(user.collection_mode or default_mode),
        amazon_seller_id=amazon.account_id if amazon else None,
        integrations=[
            Connection(
                provider=provider,
                status=ConnectionStatus(known[provider].status)
                if provider in known
                else ConnectionStatus.NOT_CONNECTED,
                account_id=known[provider].account_id if provider in known else None,
            )
            for provider in Provider
        ],
    )


async def is_user(session: AsyncSession, user_id: str) -> bool:
    """Whether there is, or was, such a user."""
    return await queries.user_by_id(session, user_id) is not None


async def address_of(session: AsyncSession, user_id: str) -> str | None:
    """The seller's e-mail address; None when he is gone, or was erased."""
    user = await queries.user_by_id(session, user_id)
    return (user.email or None) if user else None
