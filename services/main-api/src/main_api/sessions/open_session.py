"""Sessions and the two secrets a browser holds for one."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.sessions import queries, rules
from main_api.sessions.models import BrowserSession, RefreshToken
from opside_chassis.ids import new_id

LONGEST_USER_AGENT_CHARS = 200


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A live session with the refresh token just made; only the browser ever has it in clear."""

    session_id: str
    user_id: str
    role: str
    refresh_token: str


async def open_session(
    session: AsyncSession, *, user_id: str, role: str, user_agent: str, ends_at: datetime
) -> OpenedSession:
    """A new session with a new id: a session id known before sign-in is worth nothing after it."""
    opened = OpenedSession(new_id("ses"), user_id, role, rules.new_secret())
    await queries.add(
        session,
        BrowserSession(
            id=opened.session_id,
            user_id=user_id,
            csrf_token=rules.new_secret(),
            user_agent=user_agent[:LONGEST_USER_AGENT_CHARS],
            expires_at=ends_at,
        ),
        refresh_token_row(opened),
    )
    return opened


def refresh_token_row(opened: OpenedSession) -> RefreshToken:
    """What is stored of the session's newest refresh token."""
    return RefreshToken(
        token_hash=rules.hash_of(opened.refresh_token),
        session_id=opened.session_id,
        user_id=opened.user_id,
    )


def session_end(now: datetime, lifetime_days: int) -> datetime:
    """When a session that starts now ends."""
    return now + timedelta(days=lifetime_days)
