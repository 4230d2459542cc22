"""All SQL about notices."""

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from main_api.notifications.models import Notification, NotificationPreference


async def insert_notification(session: AsyncSession, fresh: Notification) -> bool:
    """Store it unless its key was told; False when it was."""
    values = {
        name: getattr(fresh, name)
        for name in ("id", "user_id", "kind", "key", "title", "body", "link", "by_email")
    }
    statement = (
        insert(Notification)
        .values(values)
        .on_conflict_do_nothing(index_elements=["user_id", "key"])
        .returning(Notification.id)
    )
    return (await session.execute(statement)).first() is not None


async def notifications_page(
    session: AsyncSession, *, user_id: str, unread: bool, before: str | None, limit: int
) -> list[Notification]:
    """Newest first, one more than asked for."""
    query = select(Notification).where(Notification.user_id == user_id)
    if unread:
        query = query.where(Notification.read_at.is_(None))
    if before is not None:
        query = query.where(Notification.id < before)
    return list(await session.scalars(query.order_by(Notification.id.desc()).limit(limit + 1)))


async def unread_count(session: AsyncSession, user_id: str) -> int:
    """How many the seller has not read."""
    query = select(func.count()).where(
        Notification.user_id == user_id, Notification.read_at.is_(None)
    )
    return (await session.execute(query)).scalar_one()


async def mark_read(session: AsyncSession, *, user_id: str, up_to: str) -> int:
    """Everything up to this notice is read; answers how many were not."""
    statement = (
        update(Notification)
        .where(
            Notification.user_id == user_id,
            Notification.id <= up_to,
            Notification.read_at.is_(None),
        )
        .values(read_at=func.now())
        .returning(Notification.id)
    )
    return len((await session.execute(statement)).all())


async def unsent(session: AsyncSession, user_id: str) -> list[Notification]:
    """What waits for a letter, oldest first."""
    query = (
        select(Notification)
        .where(
            Notification.user_id == user_id,
            Notification.by_email,
            Notification.emailed_at.is_(None),
        )
        .order_by(Notification.id)
    )
    return list(await session.scalars(query))


async def mark_sent(session: AsyncSession, ids: Sequence[str]) -> None:
    """A letter about these went out, or never will."""
    await session.execute(
        update(Notification).where(Notification.id.in_(ids)).values(emailed_at=func.now())
    )


async def preferences_of(session: AsyncSession, user_id: str) -> dict[str, bool]:
    """The seller's own choices, by kind."""
    query = select(NotificationPreference).where(NotificationPreference.user_id == user_id)
    return {one.kind: one.by_email for one in await session.scalars(query)}


async def keep_preferences(
    session: AsyncSession, user_id: str, chosen: Sequence[tuple[str, bool]]
) -> None:
    """Store choices; what is not named stays as it is."""
    values = [{"user_id": user_id, "kind": kind, "by_email": by_email} for kind, by_email in chosen]
    statement = insert(NotificationPreference).values(values)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["user_id", "kind"], set_={"by_email": statement.excluded.by_email}
        )
    )
