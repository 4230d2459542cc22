"""The intent behind a page: found by its id, opened by its client secret."""

import hmac
from urllib.parse import urlencode

from opside_sandbox.state import SandboxState
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.world import World

_KINDS = {"seti": "setup_intent", "pi": "payment_intent"}


def find(state: SandboxState, intent_id: str, client_secret: str) -> tuple[World, Document] | None:
    """The platform's intent, or None when the secret does not open it."""
    world = World(state)
    kind = _KINDS.get(intent_id.partition("_")[0])
    intent = world.get(kind, intent_id) if kind else None
    if intent is None or not hmac.compare_digest(
        intent["client_secret"].encode(), client_secret.encode()
    ):
        return None
    return world, intent


def with_outcome(return_url: str, intent: Document) -> str:
    """The return URL with the parameters that Stripe adds."""
    kind = intent["object"]
    query = urlencode(
        {
            kind: intent["id"],
            f"{kind}_client_secret": intent["client_secret"],
            "redirect_status": "succeeded" if intent["status"] == "succeeded" else "failed",
        }
    )
    return f"{return_url}{'&' if '?' in return_url else '?'}{query}"
