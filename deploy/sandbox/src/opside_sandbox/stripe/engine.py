"""One API request from bytes to bytes: key, parameters, idempotency, faults, the act itself."""

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from opside_sandbox.state import SandboxState
from opside_sandbox.stripe import accounts, api_faults, forms, idempotency, keys
from opside_sandbox.stripe.answers import Answer, response
from opside_sandbox.stripe.errors import Document, StripeError, invalid, malformed, unauthorized
from opside_sandbox.stripe.fields import check, list_of, text
from opside_sandbox.stripe.oauth import permissions
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation, Router
from opside_sandbox.stripe.world import Ask, World

_log = logging.getLogger(__name__)
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?")
_MAX_BODY_BYTES = 1024 * 1024
_POLL_SECONDS = 0.05
_expand = list_of(text)


@dataclass(frozen=True, slots=True)
class _Call:
    """A request that has been understood."""

    operation: Operation
    world: World
    ask: Ask
    expand: list[str]
    key: idempotency.Key | None
    request_id: str


class Hangup(Exception):
    """The caller gets no answer: the connection is cut."""


class Engine:
    """Serves the API; `wake` is called after every act that may have staged deliveries."""

    def __init__(self, state: SandboxState, router: Router, wake: Callable[[], None]) -> None:
        self._state = state
        self._router = router
        self._wake = wake
        self._memory = idempotency.Memory(state)

    async def serve(self, request: Request) -> Response:
        """Answer one request. Raises Hangup when a fault cuts the connection."""
        request_id = World(self._state).new_id("request")
        raw = await request.body()
        call: _Call | None = None
        try:
            call = self._read(request, raw, request_id)
            answer = await self._with_faults(request, call)
        except StripeError as error:
            answer = self._failed(error, request_id)
        self._wake()
        return response(request, answer, request_id, call.key if call else None)

    def _failed(self, error: StripeError, request_id: str) -> Answer:
        created = self._state.clock.timestamp()
        return Answer(error.status, error.body(request_id, created))

    def _read(self, request: Request, raw: bytes, request_id: str) -> _Call:
        publishable = keys.publishable(request.headers.get("authorization"))
        path = request.url.path
        found = self._router.find(request.method, path)
        if found is None:
            raise _unrecognized(request.method, path)
        operation, ids = found
        if publishable and not operation.publishable:
            raise unauthorized(
                "This API call cannot be made with a publishable API key. Please use a secret "
                "API key. You can find a list of your API keys at "
                "https://dashboard.stripe.com/account/apikeys.",
                code="secret_key_required",
            )
        _check_version(request.headers.get("stripe-version"))
        given = _parameters(request, raw)
        expand = _expand(given.pop("expand", []), "expand")
        params = check(given, operation.fields, required=operation.required)
        account = self._account(request)
        header = request.headers.get("idempotency-key") if request.method == "POST" else None
        key = idempotency.read(
            header, account=account, path=path, params={**given, "expand": expand}
        )
        return _Call(
            operation=operation,
            world=World(self._state, account, request_id, key.text if key else None),
            ask=Ask(params, ids, publishable, _base_url(request)),
            expand=expand,
            key=key,
            request_id=request_id,
        )

    def _account(self, request: Request) -> str | None:
        """Whose objects are asked for: those of the key's own account, or of a connected one."""
        header = request.headers.get("stripe-account") or None
        key = keys.of(request.headers.get("authorization"))
        world, writes = World(self._state), request.method != "GET"
        own = permissions.account_of_key(world, key, writes=writes)
        if own is not None:
            if header not in {None, own}:
                raise accounts.forbidden(header or "")
            return own
        if header is None:
            return None
        if world.get("account", header) is None:
            raise accounts.forbidden(header)
        permissions.check_scope(world, header, key, writes=writes)
        return header

    async def _with_faults(self, request: Request, call: _Call) -> Answer:
        """Stripe refuses for its rate limit before it looks at the idempotency key."""
        fault = api_faults.meet(self._state, call.operation.name)
        kind, seconds = (fault.kind, fault.seconds) if fault else (None, 0.0)
        if kind in {"429", "lock_timeout"}:
            raise api_faults.too_many(kind)
        spoiled = fault if fault and fault.kind in api_faults.SPOILING else None
        if call.key is not None and (saved := self._memory.begin(call.key)) is not None:
            return Answer(saved["status"], saved["body"], saved["request_id"], spoiled)
        try:
            if kind in {"timeout_before", "slow"}:
                await _hang(request, seconds)
            if kind in {"timeout_before", "reset"}:
                raise Hangup
            answer = self._act(call, kind)
        finally:
            if call.key is not None:
                self._memory.end(call.key)
        if kind in {"timeout_after", "reset_after"}:
            self._wake()
            await _hang(request, seconds if kind == "timeout_after" else 0.0)
            raise Hangup
        return replace(answer, spoiled=spoiled)

    def _act(self, call: _Call, fault: str | None) -> Answer:
        """Effects, events and the saved answer, all or nothing."""
        try:
            with self._state.store.transaction():
                answer = self._perform(call, fault)
                if fault == "500_after":
                    answer = self._failed(api_faults.unknown_error(), call.request_id)
                self._save(call, answer)
                return answer
        except StripeError as error:
            answer = self._failed(error, call.request_id)
            if error.saved:
                self._save(call, answer)
            return answer
        except Exception:  # noqa: BLE001 (our own mistake: 500, logged, nothing kept)
            _log.exception("operation %s failed", call.operation.name)
            return self._failed(api_faults.unknown_error(), call.request_id)

    def _perform(self, call: _Call, fault: str | None) -> Answer:
        if fault == "500_before":
            raise api_faults.unknown_error()
        try:
            body = call.operation.handler(call.world, call.ask)
            if call.expand:
                body = _expanded(call, body)
        except StripeError as error:
            if not error.keeps_effects:
                raise
            return self._failed(error, call.request_id)
        return Answer(200, body)

    def _save(self, call: _Call, answer: Answer) -> None:
        if call.key is not None:
            self._memory.save(call.key, answer.status, answer.body, call.request_id)


def _expanded(call: _Call, body: Document) -> Document:
    if body.get("object") in {"list", "search_result"}:
        below = [path.removeprefix("data.") for path in call.expand]
        if any(path == name for path, name in zip(below, call.expand, strict=True)):
            raise invalid("Lists are expanded below data.", param="expand")
        return {**body, "data": [shown(call.world, one, below) for one in body["data"]]}
    return shown(call.world, body, call.expand)


def _parameters(request: Request, raw: bytes) -> dict[str, Any]:
    """From the query and, for a POST, from the form in the body."""
    if len(raw) > _MAX_BODY_BYTES:
        raise malformed("Request body is too large.")
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if raw and kind != "application/x-www-form-urlencoded":
        raise malformed(
            "Invalid request (check that your POST content type is "
            "application/x-www-form-urlencoded). If you have any questions, we can help at "
            "https://support.stripe.com/."
        )
    try:
        body = raw.decode()
    except UnicodeDecodeError:
        raise malformed("Invalid request: the body is not UTF-8.") from None
    query = request.url.query
    try:
        return forms.parse("&".join(part for part in (query, body) if part))
    except ValueError:
        raise malformed("Invalid request: too many parameters.") from None


def _check_version(header: str | None) -> None:
    if header and not _VERSION.fullmatch(header):
        raise malformed(f"Invalid Stripe API version: {header}")


def _base_url(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _unrecognized(method: str, path: str) -> StripeError:
    error = StripeError(
        404,
        f"Unrecognized request URL ({method}: {path}). If you are trying to list objects, remove "
        "the trailing slash. If you are trying to retrieve an object, make sure you passed a "
        "valid (non-empty) identifier in your code. Please see https://stripe.com/docs or we can "
        "help at https://support.stripe.com/.",
    )
    error.saved = False
    return error


async def _hang(request: Request, seconds: float) -> None:
    """Stay silent until the time is over or the caller has gone."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end and not await request.is_disconnected():  # noqa: ASYNC110 (polled)
        await asyncio.sleep(_POLL_SECONDS)
