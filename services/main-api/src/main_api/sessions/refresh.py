"""A new access token for an old refresh token, once; a second use ends the session."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.accounts.roles import role_of
from main_api.sessions import queries, rules
from main_api.sessions.errors import AlreadyRefreshed, SessionEnded
from main_api.sessions.models import RefreshToken
from main_api.sessions.open_session import OpenedSession, refresh_token_row
from opside_chassis.clock import Clock
from opside_chassis.database import EVERY_TENANT, Sessions, transaction


async def refresh_session(sessions: Sessions, refresh_token: str, *, clock: Clock) -> OpenedSession:
    """Rotate the refresh token.

    A token that comes twice was copied: whoever holds it, the session ends for both. Only within
    REFRESH_RACE_SECONDS it may be another tab of the same browser: that one gets no new secret.

    Raises:
        AlreadyRefreshed: another tab was faster.
        SessionEnded: unknown, used, revoked or expired.
    """
    # Every tenant: the token alone says whose session it is.
    async with transaction(sessions, tenant=EVERY_TENANT) as session:
        opened = await _rotate(session, refresh_token, clock=clock)
    if opened is None:
        raise SessionEnded("this session has ended; sign in again")
    return opened


async def _rotate(
    session: AsyncSession, refresh_token: str, *, clock: Clock
) -> OpenedSession | None:
    now = clock()
    row: RefreshToken | None = await queries.lock_refresh_token(
        session, rules.hash_of(refresh_token)
    )
    if row is None:
        return None
    if row.used_at is not None:
        if now - row.used_at <= timedelta(seconds=rules.REFRESH_RACE_SECONDS):
            raise AlreadyRefreshed("another tab has just refreshed this session")
        await queries.end_session(session, row.session_id, now)
        return None
    live = await queries.live_session(session, row.session_id, now)
    role = await role_of(session, row.user_id)
    if live is None or role is None:
        return None
    row.used_at = now
    opened = OpenedSession(live.id, live.user_id, role, rules.new_secret())
    await queries.add(session, refresh_token_row(opened))
    return opened
