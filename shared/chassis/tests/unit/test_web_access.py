"""Who may call: 401 = not who you say, 403 = not allowed; every route declares one rule."""

import asyncio
import gc
import logging
from contextlib import suppress
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends
from starlette.requests import HTTPConnection
from web_parts import HERE, Keys, app_with, bearer, client_of, local_limiter

from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.errors import Forbidden, TooManyRequests, Unauthenticated
from opside_chassis.rate_limits import RateLimiter
from opside_chassis.service_token import ServiceIdentity, ServiceTokens
from opside_chassis.user_token import UserIdentity

OPEN = [Depends(access.public())]
router = APIRouter(prefix="/t")


@router.get("/public", dependencies=OPEN)
async def _public() -> str:
    return "ok"


@router.get("/signed", dependencies=[Depends(access.provider_signed())])
async def _signed() -> str:
    return "ok"


@router.get("/member")
async def _member(caller: Annotated[Caller, Depends(access.member())]) -> list[str | None]:
    return [caller.user_id, caller.role, caller.via, caller.session_id]


@router.get("/admin")
async def _admin(caller: Annotated[Caller, Depends(access.admin())]) -> bool:
    return caller.is_admin


@router.get("/service")
async def _service(caller: Annotated[ServiceIdentity, Depends(access.service_only("a:b"))]) -> str:
    return caller.service


@router.get("/either")
async def _either(
    caller: Annotated[
        ServiceIdentity | Caller, Depends(access.service_or_member("a:b", access.ADMIN))
    ],
) -> str:
    return caller.service if isinstance(caller, ServiceIdentity) else caller.user_id


def integrations_token(keys: Keys, scope: str, **acting: str) -> str:
    tokens = ServiceTokens(keys.integrations, "integrations-backend", clock=keys.clock)
    return tokens.mint(audience=HERE, scope=scope, **acting)


ACTING = {"act_for": "usr_9", "act_role": "user", "act_session": "ses_9"}
ACTING_ADMIN = {"act_for": "usr_8", "act_role": "admin"}


def callers(keys: Keys) -> dict[str, dict[str, str]]:
    return {
        "nobody": {},
        "rubbish": bearer("x.y.z"),
        "basic": {"Authorization": "Basic dXNyOnB3"},
        "user": bearer(keys.user_token()),
        "admin": bearer(keys.user_token(user_id="usr_2", role="admin")),
        "odd role": bearer(keys.user_token(role="auditor")),
        "user for another service": bearer(keys.user_token(audience="main-api")),
        "service": bearer(keys.service_token()),
        "service, other scope": bearer(keys.service_token(scope="a:c a:bb")),
        "service for another": bearer(keys.service_token(audience="main-api")),
        "gateway": bearer(keys.service_token(scope="act", **ACTING)),
        "gateway for an admin": bearer(keys.service_token(scope="act", **ACTING_ADMIN)),
        "gateway without a user": bearer(keys.service_token(scope="act")),
        "gateway without a role": bearer(keys.service_token(scope="act", act_for="usr_9")),
        "gateway without act": bearer(keys.service_token(scope="a:b", **ACTING)),
        "other service acting": bearer(integrations_token(keys, "act", **ACTING)),
    }


EXPECTED: dict[str, tuple[int, int, int, int]] = {
    # caller: member, admin, service, either
    "nobody": (401, 401, 401, 401),
    "rubbish": (401, 401, 401, 401),
    "basic": (401, 401, 401, 401),
    "user": (200, 403, 403, 403),
    "admin": (200, 200, 403, 200),
    "odd role": (403, 403, 403, 403),
    "user for another service": (401, 401, 401, 401),
    "service": (403, 403, 200, 200),
    "service, other scope": (403, 403, 403, 403),
    "service for another": (401, 401, 401, 401),
    "gateway": (200, 403, 403, 403),
    "gateway for an admin": (200, 200, 403, 200),
    "gateway without a user": (403, 403, 403, 403),
    "gateway without a role": (403, 403, 403, 403),
    "gateway without act": (403, 403, 200, 200),
    "other service acting": (403, 403, 403, 403),
}


@pytest.mark.parametrize("who", EXPECTED)
async def test_who_may_call_what(who: str) -> None:
    keys = Keys()
    headers = callers(keys)[who]
    async with client_of(app_with(router, keys=keys)) as client:
        answers = [
            await client.get(f"/t/{path}", headers=headers)
            for path in ("member", "admin", "service", "either")
        ]
        assert tuple(answer.status_code for answer in answers) == EXPECTED[who]
        for answer in answers:
            wants_proof = answer.headers.get("www-authenticate") == "Bearer"
            assert wants_proof == (answer.status_code == 401)
        assert (await client.get("/t/public", headers=headers)).status_code == 200


async def test_a_caller_is_who_the_token_says() -> None:
    keys = Keys()
    async with client_of(app_with(router, keys=keys)) as client:
        by = callers(keys)
        own = await client.get("/t/member", headers=by["user"])
        assert own.json() == ["usr_1", "user", None, "ses_1"]
        through = await client.get("/t/member", headers=by["gateway"])
        assert through.json() == ["usr_9", "user", "main-api", "ses_9"]


async def test_the_access_line_names_the_user(caplog) -> None:
    keys = Keys()
    with caplog.at_level(logging.INFO, logger="opside.access"):
        async with client_of(app_with(router, keys=keys)) as client:
            await client.get("/t/member", headers=callers(keys)["gateway"])
            await client.get("/t/public")
    assert [record.userId for record in caplog.records] == ["usr_9", None]


async def test_two_authorization_headers_are_no_proof() -> None:
    keys = Keys()
    token = f"Bearer {keys.user_token()}"
    twice = [("Authorization", token), ("Authorization", token)]
    async with client_of(app_with(router, keys=keys)) as client:
        assert (await client.get("/t/member", headers=twice)).status_code == 401
        assert (await client.get("/t/member", headers=twice[:1])).status_code == 200


async def test_a_browser_session_is_read_when_there_is_no_token() -> None:
    async def read(connection: HTTPConnection) -> Caller | None:
        cookie = connection.cookies.get("session")
        if cookie == "no-csrf":
            raise Forbidden("The CSRF token is missing.")
        return Caller("usr_5", "user", None, "ses_5") if cookie == "good" else None

    keys = Keys()
    app = app_with(router, keys=keys, access_options={"session_reader": read})
    async with client_of(app) as client:

        async def status(path: str, cookie: str, **headers: str) -> int:
            sent = {"Cookie": f"session={cookie}", **headers}
            return (await client.get(path, headers=sent)).status_code

        assert await status("/t/member", "good") == 200
        assert await status("/t/admin", "good") == 403
        assert await status("/t/member", "stale") == 401
        assert await status("/t/member", "no-csrf") == 403
        assert await status("/t/service", "good") == 401
        # A bad token is not rescued by a good cookie.
        assert await status("/t/member", "good", Authorization="Bearer x.y.z") == 401


class Written(RateLimiter):
    """Writes down what is counted, and refuses some of it."""

    def __init__(self, *refused: str) -> None:
        super().__init__(service=HERE, per_minute=1, redis=None)
        self.counted: list[tuple[str, ...]] = []
        self.refused = refused

    async def hit(self, *keys: str, per_minute: int | None = None) -> None:
        del per_minute
        await asyncio.sleep(0)
        self.counted.append(keys)
        if set(keys) & set(self.refused):
            raise TooManyRequests("Slow down.", retry_after_seconds=1)


async def person_of(identity: UserIdentity) -> Caller:
    await asyncio.sleep(0)
    if identity.user_id == "usr_gone":
        raise Unauthenticated("This session has ended.")
    return Caller(identity.user_id, identity.role, None, identity.session_id)


@pytest.mark.parametrize("options", [{}, {"person_reader": person_of}])
async def test_a_person_is_counted_once_a_request(options: dict[str, Any]) -> None:
    keys, limiter = Keys(), Written("user:usr_over")
    app = app_with(router, keys=keys, limiter=limiter, access_options=options)
    async with client_of(app) as client:

        async def status(path: str, **of: str) -> int:
            answer = await client.get(path, headers=bearer(keys.user_token(**of)))
            return answer.status_code

        assert await status("/t/member") == 200
        assert limiter.counted == [("address:127.0.0.1", "user:usr_1")], "one question for both"
        assert await status("/t/member", user_id="usr_over") == 429
        assert await status("/t/admin") == 403


@pytest.mark.parametrize("path", ["/t/public", "/t/member", "/t/service", "/t/either", "/t/signed"])
async def test_whatever_the_rule_a_call_too_many_reaches_no_route(path: str) -> None:
    keys, limiter = Keys(), Written("user:usr_1")
    app = app_with(router, keys=keys, limiter=limiter)
    async with client_of(app) as client:
        assert (await client.get(path, headers=bearer(keys.user_token()))).status_code == 429
    assert len(limiter.counted) == 1


async def test_who_stops_waiting_does_not_stop_the_count() -> None:
    impatient = APIRouter(prefix="/i")

    async def stops_waiting(connection: HTTPConnection) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await access.counted(connection)

    @impatient.get("/x", dependencies=[Depends(stops_waiting), Depends(access.member())])
    async def _x() -> str:
        return "ok"

    class Slow(Written):
        async def hit(self, *keys: str, per_minute: int | None = None) -> None:
            await asyncio.sleep(0.05)
            await super().hit(*keys, per_minute=per_minute)

    keys, limiter = Keys(), Slow()
    async with client_of(app_with(impatient, keys=keys, limiter=limiter)) as client:
        answer = await client.get("/i/x", headers=bearer(keys.user_token()))
    assert answer.status_code == 200
    assert len(limiter.counted) == 1


async def test_who_leaves_while_he_is_looked_up_leaves_at_once(caplog) -> None:
    """Not when he is counted, and not as one who called too often."""
    left: list[str] = []

    async def slow_person(identity: UserIdentity) -> Caller:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(5)
        except TimeoutError:
            left.append(identity.user_id)
            asyncio.current_task().cancel()
            await asyncio.sleep(0)
        raise AssertionError

    keys = Keys()
    limiter = Written("user:usr_1")
    app = app_with(
        router, keys=keys, limiter=limiter, access_options={"person_reader": slow_person}
    )
    async with client_of(app) as client:
        asking = asyncio.create_task(client.get("/t/member", headers=bearer(keys.user_token())))
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert left == ["usr_1"]
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_a_path_that_is_not_there_is_counted_too(caplog) -> None:
    keys = Keys()
    app = app_with(router, keys=keys, limiter=local_limiter(2))
    async with client_of(app) as client:
        token = bearer(keys.user_token())
        assert (await client.get("/t/nowhere", headers=token)).status_code == 404
        assert (await client.get("/t/nowhere", headers=token)).status_code == 404
        assert (await client.get("/t/member", headers=token)).status_code == 429
        assert (await client.get("/t/nowhere", headers=token)).status_code == 404
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_a_person_whose_session_ended_is_nobody_and_makes_no_noise(caplog) -> None:
    keys = Keys()
    for limiter in (Written(), Written("user:usr_gone")):
        app = app_with(
            router, keys=keys, limiter=limiter, access_options={"person_reader": person_of}
        )
        async with client_of(app) as client:
            token = bearer(keys.user_token(user_id="usr_gone"))
            assert (await client.get("/t/member", headers=token)).status_code in {401, 429}
    gc.collect()
    await asyncio.sleep(0)
    assert "never retrieved" not in caplog.text


async def test_users_are_limited_one_by_one() -> None:
    keys = Keys()
    app = app_with(router, keys=keys, limiter=local_limiter(2))
    gateway = bearer(keys.service_token(scope="act", **ACTING))
    other = bearer(keys.service_token(scope="act", act_for="usr_10", act_role="user"))
    async with client_of(app) as client:
        seen = [(await client.get("/t/member", headers=gateway)).status_code for _ in range(3)]
        assert seen == [200, 200, 429]
        assert (await client.get("/t/member", headers=other)).status_code == 200


def routes_by_path(extra: APIRouter) -> dict[str | None, Any]:
    return {route.path: route for route in access.api_routes(app_with(extra))}


def test_every_route_declares_its_rule_and_the_guard_sees_it() -> None:
    found = routes_by_path(router)
    assert access.declared_access(found["/t/admin"]) == access.member(access.ADMIN)
    assert access.declared_access(found["/t/service"]) == access.service_only("a:b")
    assert access.declared_access(found["/t/public"]) == access.public()
    for path in ("/health", "/health/live", "/health/ready"):
        assert access.declared_access(found[path]) == access.public()


def test_the_guard_catches_routes_with_no_rule_or_two() -> None:
    wrong = APIRouter()

    @wrong.get("/none")
    async def _none() -> None: ...

    @wrong.get("/two", dependencies=OPEN)
    async def _two(caller: Annotated[Caller, Depends(access.member())]) -> None: ...

    found = routes_by_path(wrong)
    assert access.declared_access(found["/none"]) is None
    with pytest.raises(ValueError, match="2 access rules"):
        access.declared_access(found["/two"])


def test_rules_of_routers_and_nested_dependencies_count() -> None:
    async def nested(caller: Annotated[Caller, Depends(access.admin())]) -> str:
        return caller.user_id

    guarded = APIRouter()

    @guarded.get("/nested")
    async def _nested(user_id: Annotated[str, Depends(nested)]) -> None: ...

    inner = APIRouter()

    @inner.get("/inner")
    async def _inner() -> None: ...

    guarded.include_router(inner, prefix="/deep", dependencies=[Depends(access.provider_signed())])
    found = routes_by_path(guarded)
    assert access.declared_access(found["/nested"]) == access.admin()
    assert access.declared_access(found["/deep/inner"]) == access.provider_signed()
