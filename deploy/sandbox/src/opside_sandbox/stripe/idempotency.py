"""Idempotency keys as Stripe keeps them: one saved answer per key and account, for 24 hours."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from opside_sandbox.state import SandboxState
from opside_sandbox.stripe.errors import Document, StripeError, malformed

KEPT_SECONDS = 24 * 3600
_SAVED = "stripe.idempotency"


@dataclass(frozen=True, slots=True)
class Key:
    """A request's key in its account; None `text` means that the request has no key."""

    account: str | None
    text: str
    path: str
    fingerprint: str

    @property
    def row(self) -> str:
        """Where its answer is kept."""
        return f"{self.account or 'platform'}/{self.text}"


def read(
    header: str | None, *, account: str | None, path: str, params: dict[str, Any]
) -> Key | None:
    """The key of a POST. Raises StripeError for one that is too long."""
    if header is None or header == "":
        return None
    if len(header) > 255:
        raise malformed("Idempotency keys have up to 255 characters.")
    written = json.dumps(params, sort_keys=True)
    return Key(account, header, path, hashlib.sha256(written.encode()).hexdigest())


class Memory:
    """Saved answers in the store; keys of running requests in this process only."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state
        self._running: set[str] = set()

    def begin(self, key: Key) -> Document | None:
        """The saved answer, or None: then the key is ours until `end`.

        Raises 409 while another request holds it and 400 for other parameters.
        """
        saved = self._saved(key)
        if saved is not None:
            if saved["path"] != key.path:
                raise _misused(
                    "Keys for idempotent requests can only be used for the same endpoint they "
                    f"were first used for ('{saved['path']}'). Try using a key other than "
                    f"'{key.text}' if you meant to execute a different request."
                )
            if saved["fingerprint"] != key.fingerprint:
                raise _misused(
                    "Keys for idempotent requests can only be used with the same parameters "
                    f"they were first used with. Try using a key other than '{key.text}' if you "
                    "meant to execute a different request."
                )
        if key.row in self._running:
            raise _in_use(key)
        if saved is None:
            self._running.add(key.row)
        return saved

    def end(self, key: Key) -> None:
        """The request is over, whatever became of it."""
        self._running.discard(key.row)

    def save(self, key: Key, status: int, body: Document, request_id: str) -> None:
        """Remember the answer; call it in the transaction of the effects."""
        self._state.store.put(
            _SAVED,
            key.row,
            {
                "path": key.path,
                "fingerprint": key.fingerprint,
                "status": status,
                "body": body,
                "request_id": request_id,
                "created": self._state.clock.now().timestamp(),
            },
        )

    def _saved(self, key: Key) -> Document | None:
        saved = self._state.store.get(_SAVED, key.row)
        if saved is None:
            return None
        if saved["created"] + KEPT_SECONDS <= self._state.clock.now().timestamp():
            self._state.store.delete(_SAVED, key.row)
            return None
        return saved


def _misused(message: str) -> StripeError:
    error = StripeError(400, message, kind="idempotency_error")
    error.saved = False
    return error


def _in_use(key: Key) -> StripeError:
    error = StripeError(
        409,
        "There is currently another in-progress request using this Stripe-Idempotency-Key (that "
        "probably means you submitted twice, and the other request is still going through): "
        f"{key.text}. If you want to submit a concurrent request as a separate transaction, use "
        "a different idempotency key.",
        kind="idempotency_error",
        code="idempotency_key_in_use",
    )
    error.saved = False
    return error
