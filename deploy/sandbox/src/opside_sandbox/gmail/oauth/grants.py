"""Codes, tokens and authorisations: what was granted to the application by whom, until when."""

import base64
import hashlib
from datetime import datetime, timedelta
from typing import Any

from opside_sandbox.gmail.oauth.scopes import GMAIL, SIGN_IN, written
from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document

CODE_SECONDS = 600
ACCESS_SECONDS = 3599
TESTING_DAYS = 7
UNUSED_DAYS = 183
"""Facts, section 7: a refresh token dies after six months without use."""
REFRESH_TOKENS = 100
"""For one user and client; the oldest dies without a word."""

CODES, REFRESH, ACCESS = "gmail.codes", "gmail.refresh", "gmail.access"
_AUTHORISATIONS, _PUBLISHING = "gmail.authorisations", "gmail.publishing"
_KEPT = ("client_id", "persona", "scopes")


def index(state: SandboxState) -> None:
    """Make the look-ups by person fast."""
    state.store.index("persona")


def scopes_of(grant: Document) -> frozenset[str]:
    """The scopes of a code or token."""
    return frozenset(grant["scopes"])


def is_testing(state: SandboxState) -> bool:
    """Whether the consent screen is in testing now."""
    known = state.store.get(_PUBLISHING, "status")
    return bool(known["testing"]) if known else state.settings.gmail_app.testing


def set_testing(state: SandboxState, *, testing: bool) -> None:
    """Change the publishing status; tokens that are out keep their time."""
    state.store.put(_PUBLISHING, "status", {"testing": testing})


def authorisation(state: SandboxState, client_id: str, persona: str) -> Document | None:
    """What this person has let this application do, if anything: `scopes` and `offline`."""
    return state.store.get(_AUTHORISATIONS, f"{client_id}|{persona}")


def authorise(
    state: SandboxState, client_id: str, persona: str, scopes: frozenset[str], *, offline: bool
) -> None:
    """Remember a consent beside the earlier ones."""
    before = authorisation(state, client_id, persona) or {"scopes": [], "offline": False}
    body = {
        "persona": persona,
        "scopes": sorted(scopes | set(before["scopes"])),
        "offline": offline or before["offline"],
    }
    state.store.put(_AUTHORISATIONS, f"{client_id}|{persona}", body)


def issue_code(state: SandboxState, grant: dict[str, Any]) -> str:
    """A one-use code; it holds a slash, so that nobody forgets to encode it."""
    code = "4/0A" + state.token("gmail-code", 60)
    body = {**grant, "code": code, "used": False, "expires_at": _after(state, CODE_SECONDS)}
    state.store.put(CODES, code, body)
    return code


def issue_access(state: SandboxState, grant: Document) -> str:
    """A token of an hour."""
    token = "ya29.a0" + state.token("gmail-access", 120)
    body = {name: grant[name] for name in _KEPT}
    body |= {"token": token, "expires_at": _after(state, ACCESS_SECONDS), "revoked": False}
    state.store.put(ACCESS, token, body)
    return token


def issue_refresh(state: SandboxState, grant: Document) -> Document:
    """A refresh token; one too many and the oldest is dead.

    In testing it lives seven days, unless it opens nothing but the sign-in scopes.
    """
    token = "1//0" + state.token("gmail-refresh", 80)
    mortal = is_testing(state) and not scopes_of(grant) <= SIGN_IN
    body = {name: grant[name] for name in _KEPT}
    body |= {
        "token": token,
        "expires_at": _after(state, TESTING_DAYS * 86400) if mortal else None,
        "used_at": state.clock.now().isoformat(),
        "revoked": False,
    }
    alive = [
        one
        for one in state.store.list(REFRESH, persona=grant["persona"])
        if not one["revoked"] and one["client_id"] == grant["client_id"]
    ]
    for old in alive[: max(0, len(alive) + 1 - REFRESH_TOKENS)]:
        state.store.put(REFRESH, old["token"], {**old, "revoked": True})
    return state.store.put(REFRESH, token, body)


def is_dead(state: SandboxState, token: Document) -> bool:
    """Revoked, over, or (a refresh token) unused for six months."""
    now = state.clock.now()
    if token["revoked"] or (
        token["expires_at"] is not None and now >= datetime.fromisoformat(token["expires_at"])
    ):
        return True
    used = token.get("used_at")
    return used is not None and now - datetime.fromisoformat(used) > timedelta(days=UNUSED_DAYS)


def use(state: SandboxState, refresh: Document) -> None:
    """Note that a refresh token was used now."""
    body = {**refresh, "used_at": state.clock.now().isoformat()}
    state.store.put(REFRESH, refresh["token"], body)


def seconds_left(state: SandboxState, token: Document) -> int | None:
    """Until a token's end; None for one without an end."""
    if token["expires_at"] is None:
        return None
    return int((datetime.fromisoformat(token["expires_at"]) - state.clock.now()).total_seconds())


def withdraw(state: SandboxState, persona: str) -> int:
    """The authorisation ends, and with it every token and code; the number of dead tokens."""
    for one in state.store.list(_AUTHORISATIONS, persona=persona):
        body = {**one, "scopes": [], "offline": False}
        state.store.put(_AUTHORISATIONS, f"{state.settings.gmail_app.client_id}|{persona}", body)
    for code in state.store.list(CODES, persona=persona):
        state.store.put(CODES, code["code"], {**code, "used": True})
    return _kill(state, persona, gmail_only=False)


def change_password(state: SandboxState, persona: str) -> int:
    """Refresh tokens with a Gmail scope die, and their access tokens."""
    return _kill(state, persona, gmail_only=True)


def _kill(state: SandboxState, persona: str, *, gmail_only: bool) -> int:
    count = 0
    for collection in (REFRESH, ACCESS):
        for one in state.store.list(collection, persona=persona):
            if not one["revoked"] and (GMAIL in one["scopes"] or not gmail_only):
                state.store.put(collection, one["token"], {**one, "revoked": True})
                count += 1
    return count


def challenge_of(verifier: str, method: str) -> str:
    """The code challenge of a verifier (RFC 7636): S256, or the verifier itself."""
    if method != "S256":
        return verifier
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def scope_text(grant: Document) -> str:
    """The `scope` of an answer about this grant."""
    return written(scopes_of(grant))


def _after(state: SandboxState, seconds: float) -> str:
    return (state.clock.now() + timedelta(seconds=seconds)).isoformat()
