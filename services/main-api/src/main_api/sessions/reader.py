"""Who a session's token speaks for, in a cookie or as a bearer token."""

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from main_api.sessions import queries, rules
from main_api.sessions.cookies import ACCESS_COOKIE
from main_api.sessions.errors import CsrfRefused, SessionEnded
from opside_chassis.access import Caller, while_counted
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions
from opside_chassis.user_token import UserIdentity, UserTokenVerifier

CSRF_HEADER = "X-CSRF-Token"


@dataclass(frozen=True, slots=True)
class SessionReader:
    """Reads the session of a request: one signature check, one look into the database.

    The role is the one the user has now, so that an admin's power ends with his role.
    """

    sessions: Sessions
    verifier: UserTokenVerifier
    allowed_origins: frozenset[str]
    clock: Clock

    async def __call__(self, connection: HTTPConnection) -> Caller | None:
        """The caller by cookie, or None without one.

        Raises:
            Unauthenticated: the cookie is forged or expired (refresh it).
            SessionEnded: the session was ended, or its user is gone.
            CsrfRefused: an unsafe method without a matching Origin and CSRF token.
            TooManyRequests: this user has used his minute up.
        """
        token = connection.cookies.get(ACCESS_COOKIE)
        if token is None:
            return None
        identity = self.verifier.verify(token)
        caller, csrf_token = await while_counted(connection, identity.user_id, self._read(identity))
        if connection.scope.get("method", "GET") not in rules.SAFE_METHODS:
            self._refuse_forgery(connection, csrf_token)
        return caller

    async def caller_of(self, identity: UserIdentity) -> Caller:
        """The caller by bearer token: the same token as in the cookie, and it ends with its session.

        Raises:
            SessionEnded: the session was ended, or its user is gone.
        """
        caller, _ = await self._read(identity)
        return caller

    async def _read(self, identity: UserIdentity) -> tuple[Caller, str]:
        """The caller, and the CSRF token of his session."""
        live = await queries.read_session(
            self.sessions,
            user_id=identity.user_id,
            session_id=identity.session_id,
            now=self.clock(),
        )
        if live is None:
            raise SessionEnded("this session has ended; sign in again")
        return Caller(identity.user_id, live.role, session_id=identity.session_id), live.csrf_token

    def _refuse_forgery(self, connection: HTTPConnection, csrf_token: str) -> None:
        origin = connection.headers.get("origin", "")
        sent = connection.headers.get(CSRF_HEADER, "")
        if origin not in self.allowed_origins or not rules.same_secret(sent, csrf_token):
            raise CsrfRefused(f"send Origin, and the csrfToken of /api/auth/csrf in {CSRF_HEADER}")
