"""A user's own sessions: look at them, end them, prove that a page of ours asks."""

from main_api.sessions import queries
from main_api.sessions.models import BrowserSession
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import NotFound


async def end_session(sessions: Sessions, *, user_id: str, session_id: str, clock: Clock) -> None:
    """End one of the user's own sessions.

    Raises:
        NotFound: there is no such live session of this user.
    """
    async with transaction(sessions, tenant=user_id) as session:
        if not await queries.end_session(session, session_id, clock()):
            raise NotFound("there is no such session")


async def end_all_sessions(sessions: Sessions, *, user_id: str, clock: Clock) -> None:
    """End every session of the user, this one too."""
    async with transaction(sessions, tenant=user_id) as session:
        await queries.end_all_sessions(session, user_id, clock())


async def live_sessions(sessions: Sessions, *, user_id: str, clock: Clock) -> list[BrowserSession]:
    """The user's live sessions, newest first."""
    async with transaction(sessions, tenant=user_id) as session:
        return await queries.sessions_of(session, user_id, clock())


async def csrf_token(
    sessions: Sessions, *, user_id: str, session_id: str | None, clock: Clock
) -> str:
    """The token that pages of this session send back in X-CSRF-Token.

    Raises:
        NotFound: the caller came without a browser session, and needs none.
    """
    async with transaction(sessions, tenant=user_id) as session:
        live = await queries.live_session(session, session_id or "", clock())
    if live is None:
        raise NotFound("bearer tokens need no CSRF token")
    return live.csrf_token
