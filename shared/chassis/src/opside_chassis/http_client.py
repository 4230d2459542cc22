"""Outgoing HTTP: calls to our own services, and bare clients for providers.

Every call carries a service token (a fresh one, unless it reads), the trace and the request id, is
bounded in time, size and number of tries, and is refused while a database transaction is open.
"""

import asyncio
import json as json_text
import random
import string
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote, unquote, urlencode, urlsplit

import httpx
from opentelemetry import propagate, trace
from pydantic import BaseModel, ValidationError

from opside_chassis.database import refuse_open_transaction
from opside_chassis.errors import BadRequest, Unavailable
from opside_chassis.forwarding import answer_headers, forwardable_headers, has_body
from opside_chassis.http_transport import AnswerTooLarge, BoundedTransport, trusted_authorities
from opside_chassis.http_wire import (
    CONNECT_TIMEOUT_SECONDS,
    Answer,
    BrokenOff,
    HttpWire,
    HungUp,
    NeverSent,
    Outgoing,
    Wire,
)
from opside_chassis.remote_errors import WholeAnswer, as_error, is_success, retry_after_seconds
from opside_chassis.request_context import HEADER as REQUEST_ID_HEADER
from opside_chassis.request_context import request_id
from opside_chassis.service_token import ServiceTokens

MAX_TRIES = 3
"""A callee that is down for longer is the outbox's business, not a waiting request's."""
FIRST_PAUSE_SECONDS = 0.1
MAX_RETRY_AFTER_SECONDS = 2.0
"""A callee that asks for a longer pause is passed on to our caller instead of waited for."""
DEFAULT_TIMEOUT_SECONDS = 10.0
FORWARD_TIMEOUT_SECONDS = 60.0
"""Longer than the heartbeat of an event stream; bounds the silence, not the whole answer."""
MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""Answers of services are pages of at most 100 items; this only stops a runaway."""
IDEMPOTENCY_HEADER: Final = "Idempotency-Key"

__all__ = ["AnswerTooLarge", "ServiceClient", "answer_headers", "provider_client"]

Agreed = TypeVar("Agreed", bound=BaseModel)
Json = Any
"""A parsed JSON document; the caller's contract says what it must be."""

_RETRIED_STATUS = frozenset({429, 502, 503, 504})
_SAFE_TO_REPEAT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_READS = frozenset({"GET", "HEAD"})
_STAYS_IN_A_TARGET = "".join(set(string.printable) - set(string.whitespace))

_tracer = trace.get_tracer("opside_chassis.http_client")


@dataclass(frozen=True, slots=True)
class _Call:
    """One call as it will be sent on every try; only the trace differs, and the token if it is no read."""

    method: str
    target: str
    body: bytes | None
    headers: dict[str, str]
    identity: dict[str, str | None]
    repeatable: bool


class ServiceClient:
    """Calls one of our services (`audience`) at a fixed base URL. Made where an event loop runs."""

    def __init__(
        self,
        base_url: str,
        audience: str,
        tokens: ServiceTokens,
        *,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        wire: Wire | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._audience = audience
        self._tokens = tokens
        self._timeout_seconds = timeout_seconds
        self._sleep = sleep
        self._wire = wire or HttpWire(base_url)

    async def request(
        self,
        method: str,
        path: str,
        *,
        scope: str,
        act_for: str | None = None,
        act_role: str | None = None,
        query: Mapping[str, Any] | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        timeout_seconds: float | None = None,
    ) -> Json:
        """Call and answer the parsed JSON body; None for an empty one.

        `timeout_seconds`: for a callee that by its contract may work longer than most.

        Raises the `OpsideError` of the callee's problem (its detail and code kept), or
        `Unavailable` when the callee cannot be reached, breaks or answers nonsense.
        """
        own = dict(headers or {})
        body = None
        if json is not None:
            own["Content-Type"] = "application/json"
            body = _as_json(json)
        if idempotency_key is not None:
            own[IDEMPOTENCY_HEADER] = idempotency_key
        call = _Call(
            method=method,
            target=_target(path, urlencode(query or {}).encode()),
            body=body,
            headers=own,
            identity={"scope": scope, "act_for": act_for, "act_role": act_role},
            repeatable=method in _SAFE_TO_REPEAT or idempotency_key is not None,
        )
        wait_seconds = timeout_seconds or self._timeout_seconds
        return self._parsed(await self._send_bounded(call, wait_seconds))

    async def request_as(self, answer: type[Agreed], method: str, path: str, **call: Any) -> Agreed:  # noqa: ANN401
        """The same as `request`, with the body read as its contract says.

        Raises what `request` raises, and `Unavailable` for a body that breaks the contract.
        """
        body = await self.request(method, path, **call)
        try:
            return answer.model_validate(body)
        except ValidationError as error:
            raise Unavailable(
                f"{self._audience} answered something else than agreed", away=self._audience
            ) from error

    async def forward(
        self,
        method: str,
        path: str,
        *,
        scope: str,
        act_for: str | None = None,
        act_role: str | None = None,
        act_session: str | None = None,
        query: bytes = b"",
        headers: Mapping[str, str] | None = None,
        trusted_headers: Mapping[str, str] | None = None,
        body_stream: AsyncIterator[bytes] | None = None,
    ) -> Answer:
        """Pass a client's request on as it is, once, and answer the streaming response.

        Of `headers` (the client's) only an allow list passes; `trusted_headers` are the
        gateway's own. The caller reads `aiter_raw()` and must `aclose()`. Raises `Unavailable`.

        A read without a body is asked a second time when the connection breaks before the answer:
        it was perhaps a kept one that the service had just closed.
        """
        acting = {"act_for": act_for, "act_role": act_role, "act_session": act_session}
        given = headers or {}
        brings_body = has_body(given)
        call = _Call(
            method=method,
            target=_target(path, query),
            body=None,
            headers={**forwardable_headers(given), **(trusted_headers or {})},
            identity={"scope": scope, **acting},
            repeatable=method in _READS and not brings_body,
        )
        body = body_stream if brings_body else None
        try:
            try:
                return await self._send(call, body, FORWARD_TIMEOUT_SECONDS)
            except HungUp:
                if not call.repeatable:
                    raise
                return await self._send(call, body, FORWARD_TIMEOUT_SECONDS)
        except BrokenOff as error:
            raise self._unavailable(error) from error

    async def read(
        self, path: str, *, scope: str, act_for: str, query: Mapping[str, str] | None = None
    ) -> AsyncIterator[bytes]:
        """The parts of a long answer as they come; raises what `request` raises.

        `Unavailable` also in its midst: an answer that was cut off is never taken for a whole one.
        """
        asked = urlencode(query or {}).encode()
        response = await self.forward("GET", path, scope=scope, act_for=act_for, query=asked)
        try:
            if not is_success(response.status_code):
                raise as_error(await self._whole(response), self._audience)
            async for part in response.aiter_raw():
                yield part
        except BrokenOff as error:
            raise self._unavailable(error) from error
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()

    async def _send(
        self, call: _Call, body: bytes | AsyncIterator[bytes] | None, silence_seconds: float
    ) -> Answer:
        refuse_open_transaction()
        with self._span(call.method) as span:
            headers = {**call.headers, **_call_headers(self._mint(call.method, call.identity))}
            propagate.inject(headers)
            answer = await self._wire.send(
                Outgoing(call.method, call.target, headers, body, silence_seconds)
            )
            span.set_attribute("http.response.status_code", answer.status_code)
            return answer

    async def _send_bounded(self, call: _Call, wait_seconds: float) -> WholeAnswer:
        for tried in range(1, MAX_TRIES + 1):
            last = tried == MAX_TRIES
            try:
                answer = await self._whole(await self._send(call, call.body, wait_seconds))
            except BrokenOff as error:
                again = call.repeatable or isinstance(error, NeverSent)
                if last or not again:
                    raise self._unavailable(error) from error
                pause_seconds = _back_off_seconds(tried)
            else:
                asked_seconds = _pause_seconds(answer, tried)
                if last or not call.repeatable or asked_seconds is None:
                    return answer
                pause_seconds = asked_seconds
            await self._sleep(pause_seconds)
        raise AssertionError("unreachable: the last try returns or raises")

    async def _whole(self, answer: Answer) -> WholeAnswer:
        """Raises `Unavailable` for one that is larger than a service's may be, and `BrokenOff`."""
        body = bytearray()
        try:
            async for part in answer.aiter_raw():
                body += part
                if len(body) > MAX_ANSWER_BYTES:
                    raise self._unavailable(AnswerTooLarge("The answer is larger than allowed."))
        finally:
            await answer.aclose()
        return WholeAnswer(answer.status_code, answer.headers, bytes(body))

    def _mint(self, method: str, identity: Mapping[str, str | None]) -> str:
        mint = self._tokens.mint_for_reads if method in _READS else self._tokens.mint
        return mint(
            audience=self._audience,
            scope=identity["scope"] or "",
            act_for=identity.get("act_for"),
            act_role=identity.get("act_role"),
            act_session=identity.get("act_session"),
        )

    def _span(self, method: str) -> AbstractContextManager[trace.Span]:
        return _tracer.start_as_current_span(
            f"{method} {self._audience}",
            kind=trace.SpanKind.CLIENT,
            attributes={"http.request.method": method, "peer.service": self._audience},
        )

    def _parsed(self, answer: WholeAnswer) -> Json:
        if not answer.is_success:
            raise as_error(answer, self._audience)
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> Unavailable:
        return Unavailable(
            f"{self._audience} does not answer.", away=self._audience, reason=type(error).__name__
        )


def provider_client(
    base_url: str,
    *,
    timeout_seconds: float = 30.0,
    max_body_bytes: int = MAX_ANSWER_BYTES,
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """A client for one provider: fixed base URL, no redirects, bounded time and size.

    Raises `AnswerTooLarge` (an `httpx.HTTPError`) while reading an answer above
    `max_body_bytes`. Call `refuse_open_transaction` before each use.
    """
    return httpx.AsyncClient(
        base_url=base_url,
        transport=BoundedTransport(transport or _network(), max_body_bytes),
        timeout=_timeout(timeout_seconds),
        follow_redirects=False,
    )


def _network() -> httpx.AsyncBaseTransport:
    return httpx.AsyncHTTPTransport(verify=trusted_authorities())


def _timeout(seconds: float) -> httpx.Timeout:
    return httpx.Timeout(seconds, connect=min(seconds, CONNECT_TIMEOUT_SECONDS))


def _target(path: str, query: bytes) -> str:
    """Path and query as they are sent: nothing in them can end the line they stand in."""
    asked = b"?" + query if query else b""
    return quote(_checked_path(path).encode() + asked, safe=_STAYS_IN_A_TARGET)


def _checked_path(path: str) -> str:
    """Refuse what could leave the fixed base URL or climb out of the route it names."""
    parts = urlsplit(path)
    climbs = any(segment in {".", ".."} for segment in unquote(parts.path).split("/"))
    if not path.startswith("/") or path.startswith("//") or climbs or "\\" in path:
        raise BadRequest("The path is not allowed.")
    return path


def _as_json(value: object) -> bytes:
    return json_text.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    ).encode()


def _call_headers(token: str) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {token}"}
    own_request_id = request_id()
    if own_request_id is not None:
        headers[REQUEST_ID_HEADER] = own_request_id
    return headers


def _back_off_seconds(tried: int) -> float:
    # Jitter, so that callers that failed together do not come back together.
    jitter = 0.5 + random.random()  # noqa: S311 - not a secret
    return FIRST_PAUSE_SECONDS * float(4 ** (tried - 1)) * jitter


def _pause_seconds(answer: WholeAnswer, tried: int) -> float | None:
    """How long to wait before another try; None when the answer is final."""
    if answer.status_code not in _RETRIED_STATUS:
        return None
    asked_seconds = retry_after_seconds(answer)
    if asked_seconds is None:
        return _back_off_seconds(tried)
    return asked_seconds if asked_seconds <= MAX_RETRY_AFTER_SECONDS else None
