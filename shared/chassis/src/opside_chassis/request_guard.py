"""Bounds on what a request may carry: size, nesting, control characters, one meaning per body.

Rules of facts/money-safety.md section 9. Two parsers must never read one body differently: hence
UTF-8 only, no duplicate keys, no NaN, no numbers beyond a float.
"""

import asyncio
import json
import re
from collections.abc import Sequence
from http import HTTPStatus
from math import isfinite
from typing import Any
from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opside_chassis.errors import BadRequest, OpsideError, PayloadTooLarge
from opside_chassis.rate_limits import PathLimits, path_limits

MAX_BODY_BYTES = 1024 * 1024
MAX_JSON_DEPTH = 32
BODY_SILENCE_SECONDS = 20.0
"""How long a connection is held for the next part of a body."""

# More digits would be more bytes than there are; Python refuses to read thousands of them.
_LENGTH = re.compile("[0-9]{1,18}")
_STRUCTURE = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[{]|[\]}]', re.DOTALL)
# Tab and line breaks may stand in a text; other control characters and lone surrogates break
# logs, headers and Postgres.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
# An address has no lines: a break in it is a header or a log line that somebody wants to begin.
_CONTROL_IN_ADDRESS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class RequestTimeout(OpsideError):
    """The client began a body and then fell silent."""

    status = HTTPStatus.REQUEST_TIMEOUT
    code = "request_timeout"


class RequestGuard:
    """Refuses what no route should ever see."""

    def __init__(self, app: ASGIApp, *, limits: Sequence[PathLimits] = ()) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; raises `BadRequest` or `PayloadTooLarge`."""
        if scope["type"] != "lifespan":
            _check_url(scope)
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        own = path_limits(scope["path"], self._limits)
        max_bytes = own.max_body_bytes if own and own.max_body_bytes else MAX_BODY_BYTES
        headers = Headers(scope=scope)
        _check_length(headers, max_bytes)
        checks_json = own is None or own.json_checked
        if checks_json and _is_json(headers):
            body = await _read(receive, max_bytes)
            check_json(body)
            await self._app(scope, _Replayed(body, receive), send)
        else:
            await self._stream(scope, _Counted(receive, max_bytes), send)

    async def _stream(self, scope: Scope, counted: "_Counted", send: Send) -> None:
        started = False

        async def send_unless_failed(message: Message) -> None:
            # The framework answers 400 when reading a body fails: that answer is dropped here.
            nonlocal started
            if started or counted.failure is None:
                started = True
                await send(message)

        try:
            await self._app(scope, counted, send_unless_failed)
        finally:
            if counted.failure is not None and not started:
                raise counted.failure


class _Replayed:
    """Gives a body read before to the route, then the client's further messages."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._message: Message | None = {
            "type": "http.request",
            "body": body,
            "more_body": False,
        }
        self._receive = receive

    async def __call__(self) -> Message:
        message, self._message = self._message, None
        return message if message is not None else await self._receive()


class _Counted:
    """Counts a streamed body, stops it at its limit, and does not wait for ever for its parts."""

    def __init__(self, receive: Receive, max_bytes: int) -> None:
        self._receive = receive
        self._max_bytes = max_bytes
        self._left = max_bytes
        self._complete = False
        self.failure: OpsideError | None = None

    async def __call__(self) -> Message:
        message = await self._next()
        if message["type"] == "http.request":
            self._complete = not message.get("more_body", False)
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                self.failure = _too_large(self._max_bytes)
                raise self.failure
        return message

    async def _next(self) -> Message:
        if self._complete:
            # Only the client's leaving can come now, and an event stream may wait long for it.
            return await self._receive()
        try:
            async with asyncio.timeout(BODY_SILENCE_SECONDS):
                return await self._receive()
        except TimeoutError as error:
            self.failure = RequestTimeout("The body did not arrive in time.")
            raise self.failure from error


def _too_large(max_bytes: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is larger than {max_bytes} bytes.")


def _check_url(scope: Scope) -> None:
    query = scope.get("query_string", b"").decode("latin-1")
    if _CONTROL_IN_ADDRESS.search(scope["path"]) or _CONTROL_IN_ADDRESS.search(unquote(query)):
        raise BadRequest("The address must not contain control characters.")


def _check_length(headers: Headers, max_bytes: int) -> None:
    lengths = headers.getlist("content-length")
    if not lengths:
        return
    # Given twice, even alike, somebody before us may have counted by the other one.
    if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
        raise BadRequest("The Content-Length header is not a number.")
    if int(lengths[0]) > max_bytes:
        raise _too_large(max_bytes)


def _is_json(headers: Headers) -> bool:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )


async def _read(receive: Receive, max_bytes: int) -> bytes:
    counted = _Counted(receive, max_bytes)
    parts: list[bytes] = []
    while True:
        message = await counted()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def check_json(body: bytes) -> None:
    """Raise `BadRequest` for a JSON body that is malformed, ambiguous or too deep."""
    if not body:
        return
    _check_depth(body)
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as error:
        raise BadRequest("The body is not valid JSON.") from error
    if _has_control_characters(value):
        raise BadRequest("Texts must not contain control characters.")


def _check_depth(body: bytes) -> None:
    """Before parsing, since a parser would recurse; a body with few brackets cannot be deep."""
    if body.count(b"[") + body.count(b"{") <= MAX_JSON_DEPTH:
        return
    depth = 0
    for found in _STRUCTURE.finditer(body):
        first = found.group()[:1]
        if first in b"[{":
            depth += 1
            if depth > MAX_JSON_DEPTH:
                raise BadRequest(f"The body is nested deeper than {MAX_JSON_DEPTH} levels.")
        elif first in b"]}":
            depth -= 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is given twice")
    return members


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError("a number is out of range")
    return number


def _has_control_characters(value: object) -> bool:
    if isinstance(value, str):
        return _CONTROL.search(value) is not None
    if isinstance(value, dict):
        return any(
            _CONTROL.search(name) or _has_control_characters(item) for name, item in value.items()
        )
    if isinstance(value, list):
        return any(_has_control_characters(item) for item in value)
    return False
