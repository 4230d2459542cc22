"""What can go wrong with signing in and staying signed in."""

from opside_chassis.errors import BadRequest, Conflict, Forbidden, Unauthenticated


class SignInRefused(BadRequest):
    """The return from Amazon does not belong to a sign-in that this browser started."""

    code = "sign_in_refused"


class SessionEnded(Unauthenticated):
    """The session was ended, or has expired."""

    code = "session_ended"


class AlreadyRefreshed(Conflict):
    """Another tab was a moment faster: the browser has the new cookies already."""

    code = "already_refreshed"


class CsrfRefused(Forbidden):
    """A browser's unsafe request without proof that our own page sent it."""

    code = "csrf_refused"
