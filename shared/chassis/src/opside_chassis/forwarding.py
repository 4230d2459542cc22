"""What crosses the gateway: short bodies whole, and headers by allow lists: what nobody thought of stays.

Identity (authorization, cookies, forwarded addresses, our own X- headers) and hop-by-hop headers
are thereby dropped both ways (facts/money-safety.md section 9).
"""

from collections.abc import Mapping

import httpx

from opside_chassis.errors import Unavailable

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
    return {name: value for name, value in headers.items() if name.lower() in _TO_SERVICE}


def answer_headers(response: httpx.Response) -> dict[str, str]:
    """The headers of a service's answer that the client may see."""
    return {name: value for name, value in response.headers.items() if name.lower() in _TO_CLIENT}


def has_body(headers: Mapping[str, str]) -> bool:
    """Whether a request with these (lower-cased or case-blind) headers brings a body."""
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


async def short_body(response: httpx.Response, *, broken_off: Unavailable) -> bytes | None:
    """The body as it was sent, the answer closed; None when it is long, or nobody knows how long.

    Raises `broken_off` when its service fails in the middle of it.
    """
    length = response.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > SHORT_ANSWER_BYTES:
        return None
    try:
        return b"".join([chunk async for chunk in response.aiter_raw()])
    except httpx.HTTPError as error:
        raise broken_off from error
    finally:
        await response.aclose()
