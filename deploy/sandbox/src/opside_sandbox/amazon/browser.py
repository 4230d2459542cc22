"""Who sits at the browser: a session cookie that the profile consent sets."""

from fastapi import Request
from fastapi.responses import Response

from opside_sandbox.amazon.personas import Persona, everybody
from opside_sandbox.state import SandboxState

COOKIE = "sandbox-amazon-session"
_COLLECTION = "amazon.sessions"


def signed_in(state: SandboxState, request: Request) -> Persona | None:
    """The persona of the request's session, if any."""
    session = state.store.get(_COLLECTION, request.cookies.get(COOKIE, ""))
    return None if session is None else everybody(state).get(session["persona"])


def sign_in(state: SandboxState, response: Response, persona: Persona) -> None:
    """Remember the persona in this browser. Lax, so that links from an app still carry it."""
    session_id = state.token("session", 40)
    state.store.put(_COLLECTION, session_id, {"persona": persona.key})
    response.set_cookie(COOKIE, session_id, httponly=True, samesite="lax", path="/")
