"""The applications' client secrets, which Amazon wants rotated every 180 days."""

import hmac
from datetime import datetime, timedelta

from opside_sandbox.settings import AmazonApp
from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document

_SECRETS = "amazon.client_secrets"


def rotate(state: SandboxState, client_id: str, secret: str, *, old_lives_seconds: float) -> None:
    """A new secret; the older ones die after the overlap. Refresh tokens survive."""
    until = (state.clock.now() + timedelta(seconds=old_lives_seconds)).isoformat()
    with state.store.transaction():
        kept = state.store.get(_SECRETS, client_id) or {"secrets": [], "first_until": until}
        older = [{**one, "until": min(one["until"] or until, until)} for one in kept["secrets"]]
        secrets = [*older, {"secret": secret, "until": None}]
        state.store.put(_SECRETS, client_id, {**kept, "secrets": secrets})


def is_secret(state: SandboxState, app: AmazonApp, given: str) -> bool:
    """Whether the application may still show this secret."""
    kept = state.store.get(_SECRETS, app.client_id) or {"secrets": [], "first_until": None}
    known: list[Document] = [
        {"secret": app.client_secret, "until": kept["first_until"]},
        *kept["secrets"],
    ]
    now = state.clock.now()
    return any(
        hmac.compare_digest(one["secret"].encode(), given.encode())
        for one in known
        if one["until"] is None or now < datetime.fromisoformat(one["until"])
    )
