"""What is known about the request being served: its id and the client's address."""

import re
import uuid
from collections.abc import Sequence
from contextvars import ContextVar, Token
from ipaddress import IPv6Address, ip_address

from starlette.requests import HTTPConnection

HEADER = "X-Request-ID"
CLIENT_ADDRESS = "opside.client_address"
"""Key of the ASGI scope under which the client's address is kept."""
USER_ID = "opside.user_id"
"""Key of the ASGI scope under which the access rule leaves the caller's id for the access line."""
# Long enough to be unique, short and plain enough to be safe in a log line or a header.
_WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{8,64}")

_request_id: ContextVar[str | None] = ContextVar("opside_request_id", default=None)


def request_id() -> str | None:
    """The id of the request being served in this task; None outside of one."""
    return _request_id.get()


def enter_request(inbound: str | None) -> tuple[str, Token[str | None]]:
    """Take over a well-formed inbound id or draw one, known to the whole task until left."""
    own = inbound if inbound and _WELL_FORMED.fullmatch(inbound) else f"req_{uuid.uuid4().hex}"
    return own, _request_id.set(own)


def leave_request(token: "Token[str | None]") -> None:
    """Forget the request that `enter_request` began."""
    _request_id.reset(token)


def client_address(connection: HTTPConnection) -> str:
    """The client's address as found through the trusted proxies."""
    address: str = connection.scope.get(CLIENT_ADDRESS, "unknown")
    return address


def resolve_client_address(peer: str | None, forwarded_for: Sequence[str], *, hops: int) -> str:
    """Find the client behind `hops` trusted proxies, counted from the right.

    Each proxy appends the address it was called from, so with n proxies of ours the n-th value
    from the right was written by the outermost of them; everything further left is the client's
    own claim. Too few values or a wrong one: the peer's address.
    """
    unknown = peer or "unknown"
    if hops <= 0:
        return unknown
    values = [part.strip() for line in forwarded_for for part in line.split(",")]
    if len(values) < hops:
        return unknown
    return _plain_address(values[-hops]) or unknown


def limit_key(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 network of an IPv6 address."""
    plain = _plain_address(address)
    if plain is None:
        return "unknown"
    parsed = ip_address(plain)
    if isinstance(parsed, IPv6Address):
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return plain


def _plain_address(text: str) -> str | None:
    candidate = text
    if text.startswith("["):
        candidate = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        candidate = text.partition(":")[0]
    try:
        parsed = ip_address(candidate)
    except ValueError:
        return None
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)
