"""All SQL about sign-in attempts, sessions and refresh tokens."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from main_api.sessions.models import BrowserSession, RefreshToken, SignInAttempt
from opside_chassis.database import EVERY_TENANT, Sessions, driver_beside, transaction


async def add(session: AsyncSession, *rows: SignInAttempt | BrowserSession | RefreshToken) -> None:
    """Insert rows, in order."""
    for row in rows:
        session.add(row)
        await session.flush()


async def take_attempt(session: AsyncSession, state_hash: str) -> SignInAttempt | None:
    """Take an attempt out, so that a state is good for one return only."""
    statement = (
        delete(SignInAttempt).where(SignInAttempt.state_hash == state_hash).returning(SignInAttempt)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def forget_expired_attempts(session: AsyncSession, now: datetime) -> None:
    """Sign-ins that nobody finished."""
    await session.execute(delete(SignInAttempt).where(SignInAttempt.expires_at < now))


class LiveSession(NamedTuple):
    """What a request needs to know of its session."""

    csrf_token: str
    role: str
    """Of its user now."""


async def read_session(
    sessions: Sessions, *, user_id: str, session_id: str, now: datetime
) -> LiveSession | None:
    """The session unless it was ended, has expired, or its user is gone.

    Every request asks this, so it is one statement on the driver and no transaction of its own.
    """
    row = await driver_beside(sessions).fetchrow(
        "SELECT csrf_token, role FROM main_api.read_session($1, $2, $3)", user_id, session_id, now
    )
    return LiveSession(row["csrf_token"], row["role"]) if row else None


async def live_among(sessions: Sessions, session_ids: set[str], now: datetime) -> set[str]:
    """Which of these `read_session` would still find; of every user."""
    query = text(
        "SELECT s.id FROM sessions s JOIN users u ON u.id = s.user_id"
        " WHERE s.id = ANY(:ids) AND s.revoked_at IS NULL AND s.expires_at > :now"
    )
    async with transaction(sessions, tenant=EVERY_TENANT) as session:
        found = await session.scalars(query, {"ids": sorted(session_ids), "now": now})
        return set(found)


async def live_session(
    session: AsyncSession, session_id: str, now: datetime
) -> BrowserSession | None:
    """The session unless it was ended or has expired."""
    query = select(BrowserSession).where(
        BrowserSession.id == session_id,
        BrowserSession.revoked_at.is_(None),
        BrowserSession.expires_at > now,
    )
    return (await session.scalars(query)).one_or_none()


async def lock_refresh_token(session: AsyncSession, token_hash: str) -> RefreshToken | None:
    """The refresh token, locked: two requests with one token are put in order."""
    query = select(RefreshToken).where(RefreshToken.token_hash == token_hash).with_for_update()
    return (await session.scalars(query)).one_or_none()


async def sessions_of(session: AsyncSession, user_id: str, now: datetime) -> list[BrowserSession]:
    """The user's live sessions, newest first."""
    query = (
        select(BrowserSession)
        .where(
            BrowserSession.user_id == user_id,
            BrowserSession.revoked_at.is_(None),
            BrowserSession.expires_at > now,
        )
        .order_by(BrowserSession.id.desc())
    )
    return list(await session.scalars(query))


async def end_session(session: AsyncSession, session_id: str, now: datetime) -> bool:
    """End one session; False when it was not live."""
    statement = (
        update(BrowserSession)
        .where(BrowserSession.id == session_id, BrowserSession.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(BrowserSession.id)
    )
    return (await session.execute(statement)).first() is not None


async def end_all_sessions(session: AsyncSession, user_id: str, now: datetime) -> None:
    """End every session of a user."""
    await session.execute(
        update(BrowserSession)
        .where(BrowserSession.user_id == user_id, BrowserSession.revoked_at.is_(None))
        .values(revoked_at=now)
    )
