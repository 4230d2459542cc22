"""What crosses the gateway: short bodies whole, and headers by allow lists: what nobody thought of stays.

Identity (authorization, cookies, forwarded addresses, our own X- headers) and hop-by-hop headers
are thereby dropped both ways (facts/money-safety.md section 9).
"""

from collections.abc import Mapping

from opside_chassis.errors import Unavailable
from opside_chassis.http_wire import Answer, BrokenOff

SHORT_ANSWER_BYTES = 256 * 1024
"""Pages of a list are shorter; what is longer is passed on as it comes and never held."""
_TO_SERVICE = frozenset(
    {
        "accept",
        "accept-language",
        "content-language",
        "content-length",
        "content-type",
        "idempotency-key",
        "if-match",
        "if-none-match",
        "last-event-id",
        "range",
    }
)
_TO_CLIENT = frozenset(
    {
        "accept-ranges",
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-length",
        "content-range",
        "content-type",
        "etag",
        "idempotent-replayed",
        "last-modified",
        "location",
        "retry-after",
        "vary",
    }
)


def forwardable_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a client that a service may see."""
    return _allowed(headers, _TO_SERVICE)


def answer_headers(answer: Answer) -> dict[str, str]:
    """The headers of a service's answer that the client may see."""
    return _allowed(answer.headers, _TO_CLIENT)


def _allowed(headers: Mapping[str, str], names: frozenset[str]) -> dict[str, str]:
    """Lower-cased. One given several times becomes one with all its values (RFC 9110 section 5.3)."""
    allowed: dict[str, str] = {}
    for given, value in headers.items():
        name = given.lower()
        if name in names:
            allowed[name] = f"{allowed[name]}, {value}" if name in allowed else value
    return allowed


def has_body(headers: Mapping[str, str]) -> bool:
    """Whether a request with these headers brings a body."""
    given = {name.lower(): value for name, value in headers.items()}
    return given.get("content-length", "0") != "0" or "transfer-encoding" in given


async def short_body(answer: Answer, *, broken_off: Unavailable) -> bytes | None:
    """The body as it was sent, the answer closed; None when it is long, or nobody knows how long.

    Raises `broken_off` when its service fails in the middle of it.
    """
    length = answer.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > SHORT_ANSWER_BYTES:
        return None
    try:
        return await answer.aread()
    except BrokenOff as error:
        raise broken_off from error
    finally:
        await answer.aclose()
