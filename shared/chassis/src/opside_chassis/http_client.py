"""Outgoing HTTP: calls to our own services, and bare clients for providers.

Every call mints a fresh service token, carries the trace and the request id, is bounded in time,
size and number of tries, and is refused while a database transaction is open.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import unquote, urlencode, urlsplit

import httpx
from opentelemetry import propagate, trace
from pydantic import BaseModel, ValidationError

from opside_chassis.database import refuse_open_transaction
from opside_chassis.errors import BadRequest, Unavailable
from opside_chassis.forwarding import answer_headers, forwardable_headers, has_body
from opside_chassis.http_transport import (
    UNBOUNDED,
    AnswerTooLarge,
    BoundedTransport,
    trusted_authorities,
)
from opside_chassis.remote_errors import as_error, retry_after_seconds
from opside_chassis.request_context import HEADER as REQUEST_ID_HEADER
from opside_chassis.request_context import request_id
from opside_chassis.service_token import ServiceTokens

MAX_TRIES = 3
"""A callee that is down for longer is the outbox's business, not a waiting request's."""
FIRST_PAUSE_SECONDS = 0.1
MAX_RETRY_AFTER_SECONDS = 2.0
"""A callee that asks for a longer pause is passed on to our caller instead of waited for."""
CONNECT_TIMEOUT_SECONDS = 2.0
"""Services are neighbours: what takes longer is down."""
DEFAULT_TIMEOUT_SECONDS = 10.0
FORWARD_TIMEOUT_SECONDS = 60.0
"""Longer than the heartbeat of an event stream; bounds the silence, not the whole answer."""
MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""Answers of services are pages of at most 100 items; this only stops a runaway."""
IDEMPOTENCY_HEADER: Final = "Idempotency-Key"

__all__ = ["AnswerTooLarge", "ServiceClient", "answer_headers", "provider_client"]

Answer = TypeVar("Answer", bound=BaseModel)
Json = Any
"""A parsed JSON document; the caller's contract says what it must be."""

_RETRIED_STATUS = frozenset({429, 502, 503, 504})
_SAFE_TO_REPEAT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
# The request never left this machine, so even a POST without a key may be tried again.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

_tracer = trace.get_tracer("opside_chassis.http_client")


@dataclass(frozen=True, slots=True)
class _Call:
    """One call as it will be sent on every try; only token and trace differ."""

    method: str
    path: str
    query: Mapping[str, Any] | None
    json: object
    headers: dict[str, str]
    identity: dict[str, str | None]
    repeatable: bool


class ServiceClient:
    """Calls one of our services (`audience`) at a fixed base URL."""

    def __init__(
        self,
        base_url: str,
        audience: str,
        tokens: ServiceTokens,
        *,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._audience = audience
        self._tokens = tokens
        self._sleep = sleep
        inner = transport or _network()
        # A given transport also keeps environment proxies away from internal traffic.
        self._http = httpx.AsyncClient(
            base_url=base_url,
            transport=BoundedTransport(inner, MAX_ANSWER_BYTES),
            timeout=_timeout(timeout_seconds),
            follow_redirects=False,
        )

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
    ) -> Json:
        """Call and answer the parsed JSON body; None for an empty one.

        Raises the `OpsideError` of the callee's problem (its detail and code kept), or
        `Unavailable` when the callee cannot be reached, breaks or answers nonsense.
        """
        own = dict(headers or {})
        if idempotency_key is not None:
            own[IDEMPOTENCY_HEADER] = idempotency_key
        call = _Call(
            method=method,
            path=_checked_path(path),
            query=query,
            json=json,
            headers=own,
            identity={"scope": scope, "act_for": act_for, "act_role": act_role},
            repeatable=method in _SAFE_TO_REPEAT or idempotency_key is not None,
        )
        return self._parsed(await self._send_bounded(call))

    async def request_as(self, answer: type[Answer], method: str, path: str, **call: Any) -> Answer:  # noqa: ANN401
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
    ) -> httpx.Response:
        """Pass a client's request on as it is, once, and answer the streaming response.

        Of `headers` (the client's) only an allow list passes; `trusted_headers` are the
        gateway's own. The caller reads `aiter_raw()` and must `aclose()`. Raises `Unavailable`.
        """
        acting = {"act_for": act_for, "act_role": act_role, "act_session": act_session}
        own = {**(trusted_headers or {}), **_call_headers(self._mint({"scope": scope, **acting}))}
        given = httpx.Headers(headers)
        request = self._http.build_request(
            method,
            httpx.URL(_checked_path(path), query=query or None),
            headers={**forwardable_headers(given), **own},
            content=body_stream if has_body(given) else None,
            timeout=_timeout(FORWARD_TIMEOUT_SECONDS),
            extensions=UNBOUNDED,
        )
        return await self._stream(request)

    async def read(
        self, path: str, *, scope: str, act_for: str, query: Mapping[str, str] | None = None
    ) -> AsyncIterator[bytes]:
        """The parts of a long answer as they come; raises what `request` raises.

        `Unavailable` also in its midst: an answer that was cut off is never taken for a whole one.
        """
        asked = urlencode(query or {}).encode()
        response = await self.forward("GET", path, scope=scope, act_for=act_for, query=asked)
        try:
            if not response.is_success:
                await response.aread()
                raise as_error(response, self._audience)
            async for part in response.aiter_bytes():
                yield part
        except httpx.HTTPError as error:
            raise self._unavailable(error) from error
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _stream(self, request: httpx.Request) -> httpx.Response:
        refuse_open_transaction()
        with self._span(request.method) as span:
            propagate.inject(request.headers)
            try:
                response = await self._http.send(request, stream=True)
            except httpx.HTTPError as error:
                raise self._unavailable(error) from error
            span.set_attribute("http.response.status_code", response.status_code)
            return response

    async def _send_bounded(self, call: _Call) -> httpx.Response:
        for tried in range(1, MAX_TRIES + 1):
            last = tried == MAX_TRIES
            try:
                response = await self._send_once(call)
            except httpx.HTTPError as error:
                again = call.repeatable or isinstance(error, _NEVER_SENT)
                if last or not again or isinstance(error, AnswerTooLarge):
                    raise self._unavailable(error) from error
                pause_seconds = _back_off_seconds(tried)
            else:
                asked_seconds = _pause_seconds(response, tried)
                if last or not call.repeatable or asked_seconds is None:
                    return response
                pause_seconds = asked_seconds
            await self._sleep(pause_seconds)
        raise AssertionError("unreachable: the last try returns or raises")

    async def _send_once(self, call: _Call) -> httpx.Response:
        refuse_open_transaction()
        with self._span(call.method) as span:
            headers = {**call.headers, **_call_headers(self._mint(call.identity))}
            propagate.inject(headers)
            response = await self._http.request(
                call.method, call.path, params=call.query, json=call.json, headers=headers
            )
            span.set_attribute("http.response.status_code", response.status_code)
            return response

    def _mint(self, identity: Mapping[str, str | None]) -> str:
        return self._tokens.mint(
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

    def _parsed(self, response: httpx.Response) -> Json:
        if response.is_success:
            if not response.content:
                return None
            try:
                return response.json()
            except ValueError as error:
                raise self._unavailable(error) from error
        raise as_error(response, self._audience)

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


def _checked_path(path: str) -> str:
    """Refuse what could leave the fixed base URL or climb out of the route it names."""
    parts = urlsplit(path)
    climbs = any(segment in {".", ".."} for segment in unquote(parts.path).split("/"))
    if not path.startswith("/") or path.startswith("//") or climbs or "\\" in path:
        raise BadRequest("The path is not allowed.")
    return path


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


def _pause_seconds(response: httpx.Response, tried: int) -> float | None:
    """How long to wait before another try; None when the answer is final."""
    if response.status_code not in _RETRIED_STATUS:
        return None
    asked_seconds = retry_after_seconds(response)
    if asked_seconds is None:
        return _back_off_seconds(tried)
    return asked_seconds if asked_seconds <= MAX_RETRY_AFTER_SECONDS else None
