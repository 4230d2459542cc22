"""All SQL about users and connections."""

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from main_api.accounts.models import HumanCase, IntegrationStatus, User
from opside_contracts.events import ConnectionChanged


async def user_by_id(session: AsyncSession, user_id: str) -> User | None:
    """The user, if this transaction's tenant may see him."""
    return await session.get(User, user_id)


async def user_by_email(session: AsyncSession, email: str) -> list[User]:
    """Users with that address; Amazon does not promise that it is unique."""
    return list(await session.scalars(select(User).where(User.email == email)))


async def upsert_user(session: AsyncSession, fresh: User) -> User:
    """Insert the user, or refresh e-mail and name of the one with the same Amazon account."""
    values = {
        "id": fresh.id,
        "amazon_user_id": fresh.amazon_user_id,
        "email": fresh.email,
        "name": fresh.name,
    }
    statement = (
        insert(User)
        .values(values)
        .on_conflict_do_update(
            index_elements=[User.amazon_user_id],
            set_={"email": fresh.email, "name": fresh.name, "updated_at": func.now()},
        )
        .returning(User)
    )
    result = await session.execute(statement, execution_options={"populate_existing": True})
    return result.scalar_one()


async def change_role(session: AsyncSession, user_id: str, role: str) -> None:
    """Give the user another role."""
    await session.execute(
        update(User).where(User.id == user_id).values(role=role, updated_at=func.now())
    )


async def change_collection(session: AsyncSession, user_id: str, mode: str | None) -> bool:
    """Set how the seller's fees are collected; False when there is no such user."""
    statement = (
        update(User)
        .where(User.id == user_id)
        .values(collection_mode=mode, updated_at=func.now())
        .returning(User.id)
    )
    return (await session.execute(statement)).first() is not None


async def keep_connection(session: AsyncSession, event: ConnectionChanged) -> bool:
    """Store a connection's state unless a later one is known; False when one is."""
    fresh = {
        "user_id": event.user_id,
        "provider": event.provider.value,
        "status": event.status.value,
        "account_id": event.account_id,
        "occurred_at": event.occurred_at,
    }
    statement = insert(IntegrationStatus).values(fresh)
    kept = statement.on_conflict_do_update(
        index_elements=["user_id", "provider"],
        set_={key: statement.excluded[key] for key in ("status", "account_id", "occurred_at")},
        where=IntegrationStatus.occurred_at < statement.excluded.occurred_at,
    ).returning(IntegrationStatus.provider)
    return (await session.execute(kept)).first() is not None


async def connections_of(session: AsyncSession, user_id: str) -> list[IntegrationStatus]:
    """The known connections of a user."""
    query = select(IntegrationStatus).where(IntegrationStatus.user_id == user_id)
    return list(await session.scalars(query.order_by(IntegrationStatus.provider)))


async def users_with(session: AsyncSession, *, provider: str, status: str) -> list[str]:
    """Users whose connection to a provider has this status."""
    query = select(IntegrationStatus.user_id).where(
        IntegrationStatus.provider == provider, IntegrationStatus.status == status
    )
    return list(await session.scalars(query.order_by(IntegrationStatus.user_id)))


async def open_case(session: AsyncSession, case: HumanCase) -> None:
    """Ask a person to look."""
    session.add(case)
    await session.flush()
