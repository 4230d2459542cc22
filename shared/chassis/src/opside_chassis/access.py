"""Who may call a route: every route declares exactly one of these dependencies.

    caller: Annotated[Caller, Depends(access.member())]
    caller: Annotated[Caller, Depends(access.admin())]
    service: Annotated[ServiceIdentity, Depends(access.service_only("commissions:charge"))]
    dependencies=[Depends(access.public())]   or   [Depends(access.provider_signed())]

401 = not who you say, 403 = not allowed. What belongs to another tenant answers 404: routes do
that, since only they know whose row it is (facts/money-safety.md section 7).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.requests import HTTPConnection

from opside_chassis.errors import Forbidden, Unauthenticated
from opside_chassis.keyring import KeyRing
from opside_chassis.rate_limits import limit_user
from opside_chassis.request_context import USER_ID
from opside_chassis.service_token import Granted, ServiceIdentity, ServiceTokenVerifier
from opside_chassis.settings import ServiceSettings
from opside_chassis.user_token import UserIdentity, UserTokenVerifier

USER = "user"
ADMIN = "admin"
ACT_SCOPE = "act"
"""The scope of a gateway's token that speaks for a signed-in user."""
Found = TypeVar("Found")
COUNTED = "opside.counted_user"
"""Key of the ASGI scope: the user whose limit has counted this request."""
COUNTING = "opside.counting"
"""Key of the ASGI scope: the task that counts this request; every rule waits for it."""
_USER = "opside.user"
"""Key of the ASGI scope: a user's bearer token and who he is by it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A person, by his own token or session (`via` None) or through the gateway (its name)."""

    user_id: str
    role: str
    via: str | None = None
    session_id: str | None = None

    @property
    def is_admin(self) -> bool:
        """Whether the caller may see and order things of every tenant."""
        return self.role == ADMIN


SessionReader = Callable[[HTTPConnection], Awaitable[Caller | None]]
"""Reads a browser session's cookie; None = there is none. It raises `Forbidden` for a missing
CSRF proof and `Unauthenticated` for a session that ended."""
PersonReader = Callable[[UserIdentity], Coroutine[Any, Any, Caller]]
"""Who a person's own good bearer token stands for now; raises `Unauthenticated` when the session
it was issued for has ended."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a service believes; `create_app` puts it on `app.state.access`.

    `acting_services` may speak for users with scope `act`: the gateway, nobody else by default.
    """

    user_verifier: UserTokenVerifier
    service_verifier: ServiceTokenVerifier
    session_reader: SessionReader | None = None
    person_reader: PersonReader | None = None
    acting_services: frozenset[str] = frozenset({"main-api"})

    @classmethod
    def from_settings(
        cls, settings: ServiceSettings, service: str, *, granted: Granted
    ) -> "Access":
        """Tokens for `service` that the ring's keys signed; `granted` scopes by their issuer."""
        ring = KeyRing.from_settings(settings)
        return cls(
            UserTokenVerifier(ring, service), ServiceTokenVerifier(ring, service, granted=granted)
        )


@dataclass(frozen=True, slots=True)
class Public:
    """Anybody may call."""

    async def __call__(self, connection: HTTPConnection) -> None:
        """Raises `TooManyRequests`."""
        await counted(connection)


@dataclass(frozen=True, slots=True)
class ProviderSigned:
    """A provider calls; the route itself checks the signature over the raw body."""

    async def __call__(self, connection: HTTPConnection) -> None:
        """Nothing else to check before the body is read; raises `TooManyRequests`."""
        await counted(connection)


@dataclass(frozen=True, slots=True)
class ServiceOnly:
    """Another service calls with this scope; a person is refused."""

    scope: str

    async def __call__(self, connection: HTTPConnection) -> ServiceIdentity:
        """Raises `Unauthenticated` without a good token, `Forbidden` for people or scope."""
        await counted(connection)
        access = _access(connection)
        token = bearer_token(connection)
        if token is None:
            raise Unauthenticated("This route needs a service token.")
        identity = service_identity(connection, access, token)
        if identity is None:
            # A person with a good token is known, only not allowed: 403. Others fall through 401.
            access.user_verifier.verify(token)
            raise Forbidden("This route is for services only.")
        if self.scope not in identity.scopes:
            raise Forbidden(f"The token does not carry the scope {self.scope}.")
        return identity


@dataclass(frozen=True, slots=True)
class Member:
    """A signed-in person with one of these roles, directly or through the gateway."""

    roles: frozenset[str]

    async def __call__(self, connection: HTTPConnection) -> Caller:
        """Raises `Unauthenticated`, `Forbidden` or `TooManyRequests`."""
        access = _access(connection)
        caller = await _caller(connection, access)
        await counted(connection)
        if caller.role not in self.roles:
            raise Forbidden("Your role does not allow this.")
        connection.scope[USER_ID] = caller.user_id
        if connection.scope.get(COUNTED) != caller.user_id:
            await limit_user(connection, caller.user_id)
        return caller


@dataclass(frozen=True, slots=True)
class ServiceOrMember:
    """Another service with this scope, or a signed-in person with one of these roles."""

    scope: str
    roles: frozenset[str]

    async def __call__(self, connection: HTTPConnection) -> ServiceIdentity | Caller:
        """Raises what `ServiceOnly` and `Member` raise."""
        token = bearer_token(connection)
        identity = token and service_identity(connection, _access(connection), token)
        if identity and self.scope in identity.scopes:
            return identity
        return await Member(self.roles)(connection)


AccessRule = Public | ProviderSigned | ServiceOnly | Member | ServiceOrMember


def public() -> Public:
    """Anybody may call this route."""
    return Public()


def provider_signed() -> ProviderSigned:
    """A webhook: the provider's signature is the proof, checked by the route."""
    return ProviderSigned()


def service_only(scope: str) -> ServiceOnly:
    """Only another service whose token carries `scope`."""
    return ServiceOnly(scope)


def member(*roles: str) -> Member:
    """A signed-in person; every known role by default."""
    return Member(frozenset(roles or (USER, ADMIN)))


def admin() -> Member:
    """A signed-in administrator."""
    return member(ADMIN)


def service_or_member(scope: str, *roles: str) -> ServiceOrMember:
    """A service whose token carries `scope`, or a signed-in person (every role by default)."""
    return ServiceOrMember(scope, frozenset(roles or (USER, ADMIN)))


def service_identity(
    connection: HTTPConnection, access: Access, token: str
) -> ServiceIdentity | None:
    """The service behind a bearer token, or None when it is not a good service token.

    Kept on the request, since the rate limiter asks the same before the route does.
    """
    known: dict[str, ServiceIdentity | None] = connection.scope.setdefault("opside.services", {})
    if token not in known:
        try:
            known[token] = access.service_verifier.verify(token)
        except Unauthenticated:
            known[token] = None
    return known[token]


def bearer_token(connection: HTTPConnection) -> str | None:
    """The bearer token of a request; None for none, for another scheme or an odd shape.

    Two Authorization headers raise `Unauthenticated`: which one counts must never be a guess.
    """
    values = connection.headers.getlist("authorization")
    if len(values) > 1:
        raise Unauthenticated("More than one Authorization header.")
    scheme, _, token = (values[0] if values else "").partition(" ")
    return token if scheme.lower() == "bearer" and token and " " not in token else None


def user_identity(connection: HTTPConnection, access: Access, token: str) -> UserIdentity:
    """The person behind a bearer token, found once a request; raises `Unauthenticated`."""
    known: tuple[str, UserIdentity] | None = connection.scope.get(_USER)
    if known is None or known[0] != token:
        known = connection.scope[_USER] = token, access.user_verifier.verify(token)
    return known[1]


async def counted(connection: HTTPConnection) -> None:
    """Wait until this request is counted, where that is under way; raises `TooManyRequests`."""
    counting: asyncio.Task[None] | None = connection.scope.get(COUNTING)
    if counting is not None:
        # Who stops waiting does not stop the count, which others wait for too.
        await asyncio.shield(counting)


def begin_counting(
    connection: HTTPConnection, user_id: str, counting: Coroutine[Any, Any, None]
) -> None:
    """Count a call for its user while it is looked at: every rule waits for it (`counted`)."""
    connection.scope[COUNTING] = asyncio.create_task(counting)
    connection.scope[COUNTED] = user_id


async def while_counted(
    connection: HTTPConnection, user_id: str, reading: Coroutine[Any, Any, Found]
) -> Found:
    """Read what is kept of a person with a good token while his call is counted, which is as slow.

    Raises `TooManyRequests`, or what `reading` raises.
    """
    if connection.scope.get(COUNTED) != user_id:
        # The middleware knows nobody by his cookie.
        begin_counting(connection, user_id, limit_user(connection, user_id))
    try:
        found = await reading
    except Exception:
        await counted(connection)
        raise
    await counted(connection)
    return found


async def _caller(connection: HTTPConnection, access: Access) -> Caller:
    token = bearer_token(connection)
    if token is None:
        session = await access.session_reader(connection) if access.session_reader else None
        if session is None:
            raise Unauthenticated("Sign in first.")
        return session
    identity = service_identity(connection, access, token)
    if identity is not None:
        return _acting_caller(identity, access)
    user = user_identity(connection, access, token)
    if access.person_reader is not None:
        return await while_counted(connection, user.user_id, access.person_reader(user))
    return Caller(user.user_id, user.role, None, user.session_id)


def _acting_caller(identity: ServiceIdentity, access: Access) -> Caller:
    if identity.service not in access.acting_services or ACT_SCOPE not in identity.scopes:
        raise Forbidden("This service may not act for users here.")
    if identity.act_for is None or identity.act_role is None:
        raise Forbidden("The token names no user to act for.")
    return Caller(identity.act_for, identity.act_role, identity.service, identity.act_session)


def _access(connection: HTTPConnection) -> Access:
    access: Access | None = connection.app.state.access
    if access is None:
        raise Unauthenticated("This service accepts no tokens.")
    return access


def declared_rules(route: APIRoute | RouteContext) -> set[AccessRule]:
    """All access rules a route declares, also through its router or nested dependencies."""
    dependant: Dependant | None = getattr(route, "dependant", None)
    return set(_rules_in(dependant)) if dependant is not None else set()


def declared_access(route: APIRoute | RouteContext) -> AccessRule | None:
    """The one access rule of a route; None when it declares none.

    Raises ValueError when a route declares several, so that a guard test fails either way.
    """
    rules = declared_rules(route)
    if len(rules) > 1:
        raise ValueError(f"{route.path} declares {len(rules)} access rules")
    return next(iter(rules), None)


def api_routes(app: FastAPI) -> Iterator[RouteContext]:
    """Every API route of an app with its effective path and dependencies, for guard tests.

    FastAPI keeps included routers nested: `app.routes` alone does not show their routes.
    """
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, APIRoute):
            yield context


def _rules_in(dependant: Dependant) -> Iterator[AccessRule]:
    for child in dependant.dependencies:
        call: Any = child.call
        if isinstance(call, AccessRule):
            yield call
        yield from _rules_in(child)
