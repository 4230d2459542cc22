"""What every SP-API call passes: access token, usage plan, answer headers."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from fastapi import Request
from fastapi.responses import Response

from opside_sandbox.amazon.identifiers import request_id, rid
from opside_sandbox.amazon.oauth import grants
from opside_sandbox.amazon.personas import Persona, everybody
from opside_sandbox.amazon.spapi.errors import (
    SpApiError,
    internal_failure,
    quota_exceeded,
    unauthorized,
)
from opside_sandbox.amazon.unlucky import answered
from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document

PLANS: dict[str, tuple[float, int]] = {
    "createReport": (0.0167, 15),
    "getReport": (2.0, 15),
    "getReports": (0.0222, 10),
    "getReportDocument": (0.0167, 15),
    "cancelReport": (0.0222, 10),
    "getMarketplaceParticipations": (0.016, 15),
    "getAccount": (0.016, 15),
    "getInventorySummaries": (2.0, 2),
    "listFinancialEventGroups": (0.5, 30),
    "listFinancialEventsByGroupId": (0.5, 30),
    "listFinancialEventsByOrderId": (0.5, 30),
    "listFinancialEvents": (0.5, 30),
    "listTransactions": (0.5, 10),
    "listBalances": (0.5, 10),
    "listSummary": (0.5, 10),
    "getShipments": (2.0, 30),
    "getShipmentItems": (2.0, 30),
    "getShipmentItemsByShipmentId": (2.0, 30),
    "getSubscriptions": (1.0, 5),
    "getSubscription": (1.0, 5),
    "createSubscription": (1.0, 5),
    "getSubscriptionById": (1.0, 5),
    "deleteSubscriptionById": (1.0, 5),
    "sendTestNotification": (1.0, 5),
    "getDestinations": (1.0, 5),
    "createDestination": (1.0, 5),
    "getDestination": (1.0, 5),
    "deleteDestination": (1.0, 5),
    "createRestrictedDataToken": (1.0, 10),
}
"""Operation -> (tokens a second, burst), from contracts/amazon/reference/usage-plans.json."""

_BAD_TOKEN = "The access token you provided is revoked, malformed or invalid."  # noqa: S105
_VARY = "Content-Type,Accept-Encoding,User-Agent"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the application, and the selling account that let it (none if grantless)."""

    client_id: str
    seller: Persona | None

    @property
    def persona(self) -> Persona:
        """The seller. Raises SpApiError where the call was grantless."""
        if self.seller is None:
            raise unauthorized(_BAD_TOKEN)
        return self.seller


Handler = Callable[[Request, Caller], Awaitable["Answer"]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer; `body` None sends an empty one."""

    body: object = None
    status: int = 200


def _caller(state: SandboxState, request: Request, scope: str | None) -> Caller:
    """Whose token it is: a seller's, or (`scope` given) the application's own."""
    token = request.headers.get("x-amz-access-token", "")
    if not token:
        raise unauthorized()
    grant = state.store.get(grants.ACCESS, token)
    if grant is None or grant["revoked"] or not _fits(grant, request, scope):
        raise unauthorized(_BAD_TOKEN)
    if grants.is_over(state, grant):
        raise unauthorized("The access token you provided has expired.")
    seller = None if scope else everybody(state)[grant["persona"]]
    return Caller(grant["client_id"], seller)


def _fits(grant: Document, request: Request, scope: str | None) -> bool:
    if scope is not None:
        return bool(grant["kind"] == "grantless" and grant["scope"] == scope)
    if grant["kind"] == "restricted":
        return grants.covers(grant, request.method, request.url.path)
    return bool(grant["kind"] == "seller")


def _take(state: SandboxState, caller: Caller, operation: str) -> float:
    """One token from the bucket of (application, seller, operation); the rate is returned."""
    factor = state.settings.amazon_pace.rate_factor
    rate, burst = PLANS[operation][0] * factor, max(1.0, PLANS[operation][1] * factor)
    seller_id = caller.seller.seller_id if caller.seller else ""
    key = f"{caller.client_id}|{seller_id}|{operation}"
    now = state.clock.now()
    with state.store.transaction():
        bucket = state.store.get("amazon.buckets", key) or {"tokens": burst, "at": now.isoformat()}
        passed = max(0.0, (now - datetime.fromisoformat(bucket["at"])).total_seconds())
        tokens = min(burst, float(bucket["tokens"]) + passed * rate)
        enough = tokens >= 1
        left = tokens - 1 if enough else tokens
        state.store.put("amazon.buckets", key, {"tokens": left, "at": now.isoformat()})
    if not enough:
        raise quota_exceeded()
    return rate


def _response(
    state: SandboxState, status: int, body: object, *, rate: float | None = None
) -> Response:
    headers = {"x-amz-rid": rid(state), "vary": _VARY}
    content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
    if status != 403:
        # The recorded 403 of the gateway has neither a content type nor a request id.
        number = request_id(state)
        headers |= {"content-type": "application/json", "x-amzn-RequestId": number}
        headers["x-amz-apigw-id"] = "OPF" + number.replace("-", "")[:12]
        headers["x-amzn-trace-id"] = (
            f"Root=1-{state.clock.timestamp():x}-{number[-12:]}{number[:12].replace('-', '')}"
        )
    if status == 429:
        headers["x-amzn-ErrorType"] = "TooManyRequestsException"
    if rate is not None and status in {200, 201, 202, 400, 404}:
        headers["x-amzn-RateLimit-Limit"] = repr(round(rate, 6))
    return Response(content, status, headers)


def refused(state: SandboxState, error: SpApiError) -> Response:
    """An answer for a path or method that no operation has."""
    return _response(state, error.status, error.body)


def guarded(
    state: SandboxState, operation: str, handler: Handler, *, grantless: str | None = None
) -> Callable[[Request], Awaitable[Response]]:
    """The route of an operation; `grantless` names the scope that its token must have."""

    async def act(request: Request) -> Response:
        rate: float | None = None
        try:
            caller = _caller(state, request, grantless)
            rate = _take(state, caller, operation)
            answer = await handler(request, caller)
        except SpApiError as error:
            return _response(state, error.status, error.body, rate=rate)
        return _response(state, answer.status, answer.body, rate=rate)

    def refuse(status: int) -> Response:
        return refused(state, quota_exceeded() if status == 429 else internal_failure())

    async def route(request: Request) -> Response:
        return await answered(state, request, operation, partial(act, request), refuse)

    route.__name__ = operation
    return route
