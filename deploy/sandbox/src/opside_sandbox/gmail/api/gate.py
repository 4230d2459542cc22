"""What every API call passes: token, scope, mailbox, parameters, quota."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from opside_sandbox.gmail.api.parameters import Kind, Values, read
from opside_sandbox.gmail.door import Asked, door
from opside_sandbox.gmail.errors import (
    ApiError,
    delegation_denied,
    insufficient_scope,
    invalid_credentials,
    login_required,
    user_rate_exceeded,
)
from opside_sandbox.gmail.oauth import grants
from opside_sandbox.gmail.oauth.scopes import GMAIL
from opside_sandbox.gmail.people import Account, everybody
from opside_sandbox.state import SandboxState


@dataclass(frozen=True, slots=True)
class Call:
    """A call that may be answered."""

    state: SandboxState
    person: Account
    path: dict[str, str]
    values: Values


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the discovery document. `units`: what it costs of the user's quota."""

    id: str
    path: str
    units: int
    parameters: dict[str, Kind]
    answer: Callable[[Call], dict[str, Any]]


def route(state: SandboxState, method: Method) -> Callable[[Request], Awaitable[Response]]:
    """The HTTP route of a method."""

    def act(asked: Asked) -> Response:
        try:
            call = _admitted(state, method, asked)
            return JSONResponse(method.answer(call), headers={"Cache-Control": "private"})
        except ApiError as error:
            return error.response()

    return door(state, method.id, act)


def _admitted(state: SandboxState, method: Method, asked: Asked) -> Call:
    person = _person(state, asked)
    user = asked.path["user_id"]
    if user != "me" and user.lower() != person.email:
        raise delegation_denied(user)
    values = read(asked.query, method.parameters)
    _spend(state, person, method.units)
    return Call(state, person, asked.path, values)


def _person(state: SandboxState, asked: Asked) -> Account:
    scheme, _, token = asked.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise login_required()
    grant = state.store.get(grants.ACCESS, token)
    if grant is None or grants.is_dead(state, grant):
        raise invalid_credentials()
    if GMAIL not in grant["scopes"]:
        raise insufficient_scope()
    return everybody(state)[grant["persona"]]


def _spend(state: SandboxState, person: Account, units: int) -> None:
    """Take units from the user's bucket, which fills by the second to a minute's worth.

    Google refuses with 429 or with 403 and the same reason; here in turn.
    """
    most, now = state.settings.gmail_app.units_per_minute, state.clock.now()
    kept = state.store.get("gmail.quota", person.key)
    bucket = kept or {"units": most, "at": now.isoformat(), "refused": 0}
    passed = max(0.0, (now - datetime.fromisoformat(bucket["at"])).total_seconds())
    left = min(most, float(bucket["units"]) + passed * most / 60)
    refused = int(bucket["refused"]) + (left < units)
    left -= units if left >= units else 0
    enough = refused == bucket["refused"]
    body = {"units": left, "at": now.isoformat(), "refused": refused}
    state.store.put("gmail.quota", person.key, body)
    if not enough:
        raise user_rate_exceeded(429 if refused % 2 else 403)
