"""Who a browser's cookie speaks for."""

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from main_api.sessions import queries, rules
from main_api.sessions.cookies import ACCESS_COOKIE
from main_api.sessions.errors import CsrfRefused, SessionEnded
from main_api.sessions.models import BrowserSession
from opside_chassis.access import Caller
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_chassis.user_token import UserTokenVerifier

CSRF_HEADER = "X-CSRF-Token"


@dataclass(frozen=True, slots=True)
class SessionReader:
    """Reads the session cookie of a request: one signature check, one look into the database."""

    sessions: Sessions
    verifier: UserTokenVerifier
    allowed_origins: frozenset[str]
    clock: Clock

    async def __call__(self, connection: HTTPConnection) -> Caller | None:
        """The caller, or None without a cookie.

        Raises:
            Unauthenticated: the cookie is forged or expired (refresh it).
            SessionEnded: the session was ended.
            CsrfRefused: an unsafe method without a matching Origin and CSRF token.
        """
        token = connection.cookies.get(ACCESS_COOKIE)
        if token is None:
            return None
        identity = self.verifier.verify(token)
        async with transaction(self.sessions, tenant=identity.user_id) as session:
            live = await queries.live_session(session, identity.session_id or "", self.clock())
        if live is None:
            raise SessionEnded("this session has ended; sign in again")
        if connection.scope.get("method", "GET") not in rules.SAFE_METHODS:
            self._refuse_forgery(connection, live)
        return Caller(identity.user_id, identity.role, session_id=live.id)

    def _refuse_forgery(self, connection: HTTPConnection, live: BrowserSession) -> None:
        origin = connection.headers.get("origin", "")
        sent = connection.headers.get(CSRF_HEADER, "")
        if origin not in self.allowed_origins or not rules.same_secret(sent, live.csrf_token):
            raise CsrfRefused(f"send Origin, and the csrfToken of /api/auth/csrf in {CSRF_HEADER}")
