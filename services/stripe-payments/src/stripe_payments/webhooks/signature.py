"""Is a delivery really from Stripe? HMAC over the raw bytes, constant time, 300 s both ways."""

import hmac
import time
from collections.abc import Mapping
from hashlib import sha256

from opside_chassis.errors import BadRequest

TOLERANCE_SECONDS = 300


class BadSignature(BadRequest):
    """The delivery is not signed with one of our secrets, or not now."""

    code = "bad_signature"


def endpoint_of(
    payload: bytes, header: str, secrets: Mapping[str, tuple[str, ...]], *, now: float | None = None
) -> str:
    """The endpoint (`platform` or `connect`) whose secret signed the bytes.

    The SDK's own check accepts timestamps from the future; ours does not.

    Raises:
        BadSignature: none did, or the timestamp is more than 300 s away.
    """
    timestamp, signatures = _parts(header)
    if abs((time.time() if now is None else now) - timestamp) > TOLERANCE_SECONDS:
        raise BadSignature("the signature is not from now")
    signed = str(timestamp).encode() + b"." + payload
    matching = ""
    for endpoint, known in secrets.items():
        for secret in known:
            expected = hmac.new(secret.encode(), signed, sha256).hexdigest()
            if any(hmac.compare_digest(expected, one) for one in signatures):
                matching = endpoint
    if not matching:
        raise BadSignature("no signature matches")
    return matching


def _parts(header: str) -> tuple[int, list[str]]:
    pairs = [part.strip().partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in pairs if name == "t"]
    signatures = [value for name, _, value in pairs if name == "v1" and value.isascii()]
    if len(stamps) != 1 or not stamps[0].isascii() or not stamps[0].isdigit() or not signatures:
        raise BadSignature("the Stripe-Signature header is malformed")
    return int(stamps[0][:12]), signatures
