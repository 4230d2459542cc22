"""All SQL about connections and consents."""

from datetime import datetime

from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.connections.models import ConsentAttempt, SellerConnection
from opside_contracts.integrations.messages import ConnectionStatus, Provider


async def add_attempt(session: AsyncSession, attempt: ConsentAttempt, *, now: datetime) -> None:
    """Store an attempt; expired ones of the user go."""
    await session.execute(
        delete(ConsentAttempt).where(
            ConsentAttempt.user_id == attempt.user_id, ConsentAttempt.expires_at < now
        )
    )
    session.add(attempt)
    await session.flush()


async def take_attempt(
    session: AsyncSession, state_hash: str, provider: Provider
) -> ConsentAttempt | None:
    """Take an attempt out, so that a state is good for one return of one provider only."""
    statement = (
        delete(ConsentAttempt)
        .where(ConsentAttempt.state_hash == state_hash, ConsentAttempt.provider == provider.value)
        .returning(ConsentAttempt)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def of_user(
    session: AsyncSession, user_id: str, provider: Provider, *, lock: bool = False
) -> SellerConnection | None:
    """The user's connection to a provider."""
    query = select(SellerConnection).where(
        SellerConnection.user_id == user_id, SellerConnection.provider == provider.value
    )
    return (await session.scalars(query.with_for_update() if lock else query)).one_or_none()


async def all_of_user(session: AsyncSession, user_id: str) -> list[SellerConnection]:
    """The user's connections to every provider that he ever connected."""
    query = select(SellerConnection).where(SellerConnection.user_id == user_id)
    return list(await session.scalars(query))


async def owner_of(session: AsyncSession, account_id: str, provider: Provider) -> str | None:
    """Whose account it is, while nobody else connects it; the transaction must see every tenant."""
    lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
    await session.execute(lock, {"key": f"account:{provider.value}:{account_id}"})
    query = select(SellerConnection.user_id).where(
        SellerConnection.provider == provider.value,
        SellerConnection.account_id == account_id,
    )
    return (await session.scalars(query)).one_or_none()


async def connected_after(
    session: AsyncSession, provider: Provider, *, after: str, limit: int
) -> list[str]:
    """So many who are connected, by id, behind one; needs a transaction that sees every tenant."""
    query = select(SellerConnection.user_id).where(
        SellerConnection.provider == provider.value,
        SellerConnection.status == ConnectionStatus.CONNECTED.value,
        SellerConnection.user_id > after,
    )
    return list(await session.scalars(query.order_by(SellerConnection.user_id).limit(limit)))


async def connected_users(session: AsyncSession, provider: Provider) -> list[str]:
    """Everybody who is connected to a provider; needs a transaction that sees every tenant."""
    query = select(SellerConnection.user_id).where(
        SellerConnection.provider == provider.value,
        SellerConnection.status == ConnectionStatus.CONNECTED.value,
    )
    return list(await session.scalars(query))
