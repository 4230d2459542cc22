"""notifications v1: destinations (grantless) and a seller's subscriptions."""

import json
import re
from typing import Any

from fastapi import APIRouter, Request

from opside_sandbox.amazon.identifiers import request_id
from opside_sandbox.amazon.oauth.grants import NOTIFICATIONS
from opside_sandbox.amazon.spapi import queues
from opside_sandbox.amazon.spapi.errors import SpApiError, invalid_input, not_found
from opside_sandbox.amazon.spapi.gate import Answer, Caller, guarded
from opside_sandbox.amazon.spapi.paging import place_of, token_for
from opside_sandbox.amazon.spapi.parameters import whole
from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document

_ARN = re.compile(r"^arn:aws:sqs:\S+:\S+:\S+")
_SHOWN = ("subscriptionId", "payloadVersion", "destinationId")


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise invalid_input("The request body is not valid.")
    return body


def _resource(asked: object, name: str) -> dict[str, Any]:
    """The checked resource of a new destination: an SQS queue or an EventBridge account."""
    if not isinstance(asked, dict) or len(asked) != 1:
        raise invalid_input("resourceSpecification must name one resource.")
    kind, given = next(iter(asked.items()))
    if kind == "sqs" and isinstance(given, dict) and _ARN.match(str(given.get("arn", ""))):
        return {"sqs": {"arn": given["arn"]}}
    if kind == "eventBridge" and isinstance(given, dict):
        region, account = given.get("region"), given.get("accountId")
        if isinstance(region, str) and isinstance(account, str):
            source = f"aws.partner/sellingpartnerapi.amazon.com/{account}/{name}"
            return {"eventBridge": {"name": source, "region": region, "accountId": account}}
    raise invalid_input("resourceSpecification is not valid.")


def _conflict(message: str) -> SpApiError:
    return SpApiError(409, "Conflict", message)


class _Destinations:
    """The application's queues."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def _known(self, request: Request, caller: Caller) -> Document:
        found = self._state.store.get(queues.DESTINATIONS, request.path_params["destination_id"])
        if found is None or found["client_id"] != caller.client_id:
            raise not_found("The destination does not exist.")
        return found

    async def create(self, request: Request, caller: Caller) -> Answer:
        """createDestination."""
        body = await _body(request)
        name = body.get("name")
        if not isinstance(name, str) or not 0 < len(name) <= 256:
            raise invalid_input("name is not valid.")
        resource = _resource(body.get("resourceSpecification"), name)
        for one in self._state.store.list(queues.DESTINATIONS, client_id=caller.client_id):
            if one["shown"]["name"] == name or one["shown"]["resource"] == resource:
                raise _conflict("A destination of this name or resource exists.")
        shown = {"name": name, "destinationId": request_id(self._state), "resource": resource}
        kept = {"client_id": caller.client_id, "shown": shown}
        self._state.store.put(queues.DESTINATIONS, str(shown["destinationId"]), kept)
        return Answer({"payload": shown})

    async def read(self, request: Request, caller: Caller) -> Answer:
        """getDestination."""
        return Answer({"payload": self._known(request, caller)["shown"]})

    async def listed(self, _request: Request, caller: Caller) -> Answer:
        """getDestinations."""
        found = self._state.store.list(queues.DESTINATIONS, client_id=caller.client_id)
        return Answer({"payload": [one["shown"] for one in found]})

    async def delete(self, request: Request, caller: Caller) -> Answer:
        """deleteDestination: not while a subscription uses it."""
        destination_id = self._known(request, caller)["shown"]["destinationId"]
        if self._state.store.find(queues.SUBSCRIPTIONS, destinationId=destination_id):
            raise _conflict("The destination is used by a subscription.")
        self._state.store.delete(queues.DESTINATIONS, destination_id)
        return Answer({})


class _Subscriptions:
    """What a seller's events are sent to; one for each type and payload version."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def _kind(self, request: Request) -> str:
        kind = str(request.path_params["notification_type"])
        if kind not in queues.VERSIONS:
            raise invalid_input("notificationType is not valid.")
        return kind

    def _mine(self, caller: Caller, kind: str, version: str | None) -> list[Document]:
        found = self._state.store.list(queues.SUBSCRIPTIONS, persona=caller.persona.key, kind=kind)
        return [
            one
            for one in found
            if one["client_id"] == caller.client_id and version in {None, one["payloadVersion"]}
        ]

    def _known(self, request: Request, caller: Caller) -> Document:
        kind, name = self._kind(request), request.path_params["subscription_id"]
        found = self._state.store.get(queues.SUBSCRIPTIONS, name)
        if found is None or (found["client_id"], found["kind"]) != (caller.client_id, kind):
            raise not_found("The subscription does not exist.")
        return found

    async def create(self, request: Request, caller: Caller) -> Answer:
        """createSubscription: with the seller's token, to a destination of the application."""
        kind, body = self._kind(request), await _body(request)
        version, destination_id = body.get("payloadVersion"), body.get("destinationId")
        if version != queues.VERSIONS[kind]:
            raise invalid_input("payloadVersion is not supported for this notification type.")
        known = self._state.store.get(queues.DESTINATIONS, str(destination_id))
        if known is None or known["client_id"] != caller.client_id:
            raise invalid_input("destinationId is not valid.")
        if self._mine(caller, kind, version):
            raise _conflict("A subscription for this type and version exists.")
        kept = queues.subscribe(
            self._state, caller.persona, kind, client_id=caller.client_id, body=body
        )
        return Answer({"payload": _wire(kept)})

    async def read(self, request: Request, caller: Caller) -> Answer:
        """getSubscription."""
        version = request.query_params.get("payloadVersion")
        found = self._mine(caller, self._kind(request), version)
        if not found:
            raise not_found("The subscription does not exist.")
        return Answer({"payload": _wire(found[-1])})

    async def listed(self, request: Request, caller: Caller) -> Answer:
        """getSubscriptions: of one notification type."""
        query = request.query_params
        kinds = query.get("notificationTypes", "").split(",")
        if len(kinds) != 1 or kinds[0] not in queues.VERSIONS:
            raise invalid_input("notificationTypes must name one notification type.")
        size = whole(query.get("pageSize", "30"), "pageSize", low=30, high=100)
        found = self._mine(caller, kinds[0], query.get("payloadVersion"))
        place = place_of(request, "nextToken")
        payload: dict[str, Any] = {
            "subscriptions": [_wire(one) for one in found[place : place + size]]
        }
        if len(found) > place + size:
            payload["nextToken"] = token_for(request, "nextToken", place + size)
        return Answer({"payload": payload})

    async def read_by_id(self, request: Request, caller: Caller) -> Answer:
        """getSubscriptionById: grantless."""
        return Answer({"payload": _wire(self._known(request, caller))})

    async def delete(self, request: Request, caller: Caller) -> Answer:
        """deleteSubscriptionById: grantless."""
        found = self._known(request, caller)
        self._state.store.delete(queues.SUBSCRIPTIONS, found["subscriptionId"])
        return Answer({})

    async def test(self, request: Request, caller: Caller) -> Answer:
        """sendTestNotification: a mock message, straight into the queue."""
        kind, body = self._kind(request), await _body(request)
        known = self._state.store.get(queues.DESTINATIONS, str(body.get("destinationId")))
        if known is None or known["client_id"] != caller.client_id:
            raise invalid_input("destinationId is not valid.")
        queues.send_test(self._state, kind, known["shown"]["destinationId"])
        return Answer({"payload": {}})


def _wire(kept: Document) -> dict[str, Any]:
    shown = {name: kept[name] for name in _SHOWN}
    if kept["processingDirective"] is not None:
        shown["processingDirective"] = kept["processingDirective"]
    return shown


def notifications_router(state: SandboxState) -> APIRouter:
    """Ten operations; those of the application itself take a grantless token."""
    router = APIRouter(prefix="/notifications/v1")
    places, mine = _Destinations(state), _Subscriptions(state)
    one_place, kind = "/destinations/{destination_id}", "/subscriptions/{notification_type}"
    one = f"{kind}/{{subscription_id}}"
    for path, method, operation, handler, grantless in (
        ("/destinations", "POST", "createDestination", places.create, True),
        ("/destinations", "GET", "getDestinations", places.listed, True),
        (one_place, "GET", "getDestination", places.read, True),
        (one_place, "DELETE", "deleteDestination", places.delete, True),
        ("/subscriptions", "GET", "getSubscriptions", mine.listed, False),
        (kind, "POST", "createSubscription", mine.create, False),
        (kind, "GET", "getSubscription", mine.read, False),
        (f"{kind}/testNotification", "POST", "sendTestNotification", mine.test, True),
        (one, "GET", "getSubscriptionById", mine.read_by_id, True),
        (one, "DELETE", "deleteSubscriptionById", mine.delete, True),
    ):
        scope = NOTIFICATIONS if grantless else None
        route = guarded(state, operation, handler, grantless=scope)
        router.add_api_route(path, route, methods=[method])
    return router
