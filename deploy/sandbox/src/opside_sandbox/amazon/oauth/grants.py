"""Codes and tokens: what was granted to which application by whom, until when."""

import base64
import hashlib
from datetime import datetime, timedelta
from typing import Any

from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document

CODE_SECONDS = 300
ACCESS_SECONDS = 3600
AUTHORISATION_DAYS = 365
"""A seller renews an authorisation about once a year (facts, section 1.4)."""

CODES, REFRESH, ACCESS = "amazon.codes", "amazon.refresh", "amazon.access"
NOTIFICATIONS = "sellingpartnerapi::notifications"
SECRET_ROTATION = "sellingpartnerapi::client_credential:rotation"  # noqa: S105 (a scope)


def _until(state: SandboxState, seconds: float) -> str:
    return (state.clock.now() + timedelta(seconds=seconds)).isoformat()


def is_over(state: SandboxState, grant: Document) -> bool:
    """Whether the grant's time has passed on the sandbox's clock."""
    return state.clock.now() >= datetime.fromisoformat(grant["expires_at"])


def issue_code(state: SandboxState, grant: dict[str, Any], *, prefix: str) -> str:
    """A one-use code of five minutes."""
    code = prefix + state.token("code", 20)
    body = {**grant, "used": False, "expires_at": _until(state, CODE_SECONDS)}
    state.store.put(CODES, code, body)
    return code


def spend_code(state: SandboxState, code: str, client_id: str) -> Document | None:
    """The grant of a code, once; None when it is unknown, used, over or another client's."""
    with state.store.transaction():
        grant = state.store.get(CODES, code)
        if grant is None or grant["used"] or grant["client_id"] != client_id:
            return None
        state.store.put(CODES, code, {**grant, "used": True})
    return None if is_over(state, grant) else grant


def issue_refresh(state: SandboxState, grant: Document) -> str:
    """A long-lived token; older ones stay good."""
    token = "Atzr|" + state.token("refresh", 120)
    keep = {name: grant[name] for name in ("client_id", "persona", "kind", "scope")}
    expires_at = grant.get("authorised_until") or _until(state, AUTHORISATION_DAYS * 86400)
    body = {**keep, "token": token, "expires_at": expires_at, "revoked": False}
    state.store.put(REFRESH, token, body)
    return token


def issue_access(state: SandboxState, grant: Document) -> str:
    """A token of one hour."""
    token = "Atza|" + state.token("access", 200)
    keep = {name: grant[name] for name in ("client_id", "persona", "kind", "scope")}
    body = {**keep, "token": token, "expires_at": _until(state, ACCESS_SECONDS), "revoked": False}
    state.store.put(ACCESS, token, body)
    return token


def issue_restricted(state: SandboxState, grant: Document, resources: list[Document]) -> str:
    """A restricted data token: an access token for these paths only, for one hour."""
    token = "Atz.sprdt|" + state.token("restricted", 200)
    keep = {name: grant[name] for name in ("client_id", "persona")}
    body = {**keep, "token": token, "kind": "restricted", "scope": "", "resources": resources}
    state.store.put(
        ACCESS, token, {**body, "expires_at": _until(state, ACCESS_SECONDS), "revoked": False}
    )
    return token


def covers(grant: Document, method: str, path: str) -> bool:
    """Whether a restricted token is for this call; `{name}` in its paths stands for any part."""
    parts = path.strip("/").split("/")
    for one in grant["resources"]:
        named = one["path"].partition("?")[0].strip("/").split("/")
        same = len(named) == len(parts) and all(
            mine == theirs or mine.startswith("{")
            for mine, theirs in zip(named, parts, strict=True)
        )
        if one["method"] == method and same:
            return True
    return False


def revoke_seller(state: SandboxState, persona: str) -> int:
    """The seller withdraws his authorisation: every token made from it dies."""
    count = 0
    with state.store.transaction():
        for collection in (REFRESH, ACCESS):
            for grant in state.store.list(collection, persona=persona):
                if grant["kind"] not in {"seller", "restricted"}:
                    continue
                state.store.put(collection, grant["token"], {**grant, "revoked": True})
                count += 1
    return count


def challenge_of(verifier: str) -> str:
    """The S256 code challenge of a verifier (RFC 7636)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
