"""What passes the door: the declared routes, as a signed-in user's request and nothing else of it."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from door import INTEGRATIONS, NOBODY, Browser, Door, Street, opened, settings_of
from fakes.neighbour import Neighbour
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from main_api.gateway.table import ROUTES, PassedOn
from main_api.sessions.rules import hash_of
from opside_chassis.database import Database
from opside_chassis.http_wire import Answer, BrokenOff, Outgoing
from opside_chassis.service_token import ServiceIdentity, ServiceTokenVerifier
from opside_chassis.testing.plugin import Signing

MEBIBYTE = 1024 * 1024
SERVICES = Path(__file__).parents[3]
NAME = re.compile(r"\{\w+\}")
FOR_USERS = [row for row in ROUTES if "user" in row.roles]


def named(row: PassedOn) -> str:
    return f"{row.method} {row.path}"


def upstream(street: Street, service: str) -> Neighbour:
    return street.integrations if service == INTEGRATIONS else street.payments


def identity(door: Door, request: Request, service: str) -> ServiceIdentity:
    [authorization] = request.headers.getlist("authorization")
    token = authorization.removeprefix("Bearer ")
    return ServiceTokenVerifier(door.signing.ring, service).verify(token)


@pytest.mark.parametrize("row", FOR_USERS, ids=named)
async def test_every_route_of_the_table_reaches_its_service_for_the_user(
    ada: Browser, door: Door, street: Street, row: PassedOn
) -> None:
    [session] = (await ada.http.get("/api/auth/sessions")).json()
    me = (await ada.me()).json()
    path = row.path.translate(str.maketrans("{}", "  ")).replace(" ", "")
    send = ada.http.request if row.method == "GET" else ada.send
    answer = await send(row.method, f"{path}?a=1&b=%2F")
    assert answer.status_code == 200, answer.text
    [(asked, _)] = upstream(street, row.upstream).asked
    assert (asked.method, asked.url.path, asked.url.query) == (row.method, path, "a=1&b=%2F")
    caller = identity(door, asked, row.upstream)
    assert (caller.service, caller.scopes) == ("main-api", {"act"})
    assert (caller.act_for, caller.act_role) == (me["userId"], "user")
    assert caller.act_session == session["sessionId"]
    binding = asked.headers.get("x-opside-browser-binding")
    assert binding == (hash_of(session["sessionId"]) if row.binds_browser else None)


CLAIMS_OF_A_CLIENT = {
    "X-Opside-Browser-Binding": "forged",
    "X-User-Id": "usr_victim",
    "X-Opside-User": "usr_victim",
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-User": "usr_victim",
    "Forwarded": "for=6.6.6.6",
    "Baggage": "role=admin",
    "X-HTTP-Method-Override": "DELETE",
    "Host": "evil.test",
}


@pytest.mark.parametrize("path", ["/api/cases", "/api/amazon/callback"])
async def test_no_secret_and_no_claim_of_the_client_passes(
    ada: Browser, door: Door, street: Street, path: str
) -> None:
    await ada.http.get(path, headers=CLAIMS_OF_A_CLIENT | {"Accept-Language": "de"})
    [(asked, _)] = street.integrations.asked
    assert asked.method == "GET"
    assert asked.headers["accept-language"] == "de"
    me = (await ada.me()).json()["userId"]
    assert identity(door, asked, INTEGRATIONS).act_for == me
    sent = " ".join(f"{name}: {value}" for name, value in asked.headers.items()).lower()
    for secret in ("cookie", "csrf", "usr_victim", "6.6.6.6", "forged", "evil.test", "role=admin"):
        assert secret not in sent
    for value in ada.http.cookies.values():
        assert value.lower() not in sent


async def test_the_csrf_proof_stays_at_the_door(ada: Browser, street: Street) -> None:
    await ada.send("POST", "/api/sync/start", headers={"Idempotency-Key": "k-1"})
    [(asked, _)] = street.integrations.asked
    assert asked.headers["idempotency-key"] == "k-1"
    assert not {"x-csrf-token", "cookie", "origin"} & set(asked.headers)


async def test_an_answer_comes_back_without_what_is_not_the_clients(
    ada: Browser, street: Street
) -> None:
    async def answer(_request: Request) -> Response:
        headers = {"Set-Cookie": "__Host-opside_session=x", "X-Internal": "1", "ETag": '"7"'}
        return JSONResponse({"code": "filed_already"}, 409, headers)

    street.integrations.answer = answer
    given = await ada.http.get("/api/cases")
    assert (given.status_code, given.json(), given.headers["etag"]) == (
        409,
        {"code": "filed_already"},
        '"7"',
    )
    assert not {"set-cookie", "x-internal"} & set(given.headers)


async def test_a_cookie_of_a_service_is_sent_back_for_nobody(ada: Browser, street: Street) -> None:
    async def answer(_request: Request) -> Response:
        return JSONResponse({}, headers={"Set-Cookie": "kept=by-nobody"})

    street.integrations.answer = answer
    for _ in range(2):
        await ada.http.get("/api/cases")
    assert [asked.headers.get("cookie") for asked, _ in street.integrations.asked] == [None, None]


@pytest.mark.parametrize("size", [10, 1024 * 1024])
async def test_an_answer_of_any_size_comes_whole(ada: Browser, street: Street, size: int) -> None:
    async def answer(_request: Request) -> Response:
        return Response(b"x" * size, media_type="text/plain", headers={"ETag": '"7"'})

    street.integrations.answer = answer
    given = await ada.http.get("/api/cases")
    assert (len(given.content), given.headers["content-length"]) == (size, str(size))
    assert given.headers["etag"] == '"7"'


async def test_a_short_answer_that_breaks_off_is_no_answer(ada: Browser, street: Street) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield b"x"
        raise ConnectionResetError

    async def answer(_request: Request) -> Response:
        return StreamingResponse(half(), headers={"Content-Length": "2"})

    street.integrations.answer = answer
    given = await ada.http.get("/api/cases")
    assert (given.status_code, given.json()["service"]) == (503, INTEGRATIONS)


async def test_a_refused_service_token_is_our_fault_not_the_users(
    ada: Browser, street: Street
) -> None:
    async def refuse(_request: Request) -> Response:
        return JSONResponse({"detail": "jti known"}, 401)

    street.integrations.answer = refuse
    answer = await ada.http.get("/api/cases")
    assert (answer.status_code, answer.json()["service"]) == (503, INTEGRATIONS)
    assert "jti" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "statuses"),
    [
        ("PATCH", "/api/cases", {405}),
        ("DELETE", "/api/cases", {405}),
        ("PUT", "/api/reports/upload", {405}),
        ("TRACE", "/api/cases", {405}),
        ("GET", "/internal/amazon/consents", {404}),
        ("POST", "/api/v1/stripe/charge-commission", {404, 405}),
        ("POST", "/webhooks/stripe", {404}),
        ("GET", "/api/cases/", {404}),
        ("GET", "/api/cases/a/b", {404}),
        ("GET", "/API/CASES", {404}),
    ],
)
async def test_what_is_not_in_the_table_reaches_nobody(
    ada: Browser, street: Street, method: str, path: str, statuses: set[int]
) -> None:
    answer = await ada.send(method, path)
    assert answer.status_code in statuses
    assert street.integrations.asked == street.payments.asked == []


async def parts_of(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // MEBIBYTE):
        yield b"x" * MEBIBYTE
    yield b"x" * (size % MEBIBYTE)


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize(
    ("method", "path", "largest"),
    [("PUT", "/api/costs", MEBIBYTE), ("POST", "/api/reports/upload", 64 * MEBIBYTE)],
)
async def test_a_body_has_the_size_its_route_takes(
    ada: Browser, street: Street, method: str, path: str, largest: int, announced: bool
) -> None:
    for size, status in ((largest, 200), (largest + 1, 413)):
        headers = {"Content-Type": "application/octet-stream"}
        if announced:
            headers["Content-Length"] = str(size)
        answer = await ada.send(method, path, content=parts_of(size), headers=headers)
        assert answer.status_code == status, answer.text
        if status == 200:
            assert len(street.integrations.asked[0][1]) == size


async def test_an_outage_names_the_service_and_leaves_the_rest_working(
    committed_database: Database, signing: Signing, street: Street
) -> None:
    changed = street.urls() | {"payments_url": NOBODY}
    async with opened(Door(settings_of(signing, **changed), committed_database, signing)) as door:
        browser = Browser(door, door.client())
        await browser.sign_in()
        down = await browser.send("POST", "/api/v1/stripe/connect", json={})
        assert down.status_code == 503
        assert down.headers["content-type"] == "application/problem+json"
        assert down.json()["service"] == "stripe-payments"
        assert "9" not in down.json()["detail"]
        assert (await browser.http.get("/api/cases")).status_code == 200
        assert (await browser.me()).status_code == 200


class Silent:
    """A wire to a service that accepts and then says nothing; keeps the patience it was asked for."""

    patience_seconds: float

    async def send(self, request: Outgoing) -> Answer:
        self.patience_seconds = request.silence_seconds
        raise BrokenOff

    async def close(self) -> None:
        """Nothing is open."""


async def test_a_silent_service_is_given_up_in_bounded_time(
    committed_database: Database, signing: Signing, street: Street
) -> None:
    silent = Silent()
    made = Door(settings_of(signing), committed_database, signing, wire=silent)
    async with opened(made) as door:
        browser = Browser(door, door.client())
        await browser.sign_in()
        answer = await browser.http.get("/api/cases")
    assert (answer.status_code, answer.json()["service"]) == (503, INTEGRATIONS)
    assert silent.patience_seconds <= 60


def test_the_table_forwards_no_service_route() -> None:
    assert len({(row.method, row.path) for row in ROUTES}) == len(ROUTES)
    for row in ROUTES:
        assert row.path.startswith("/api/")
        assert "charge" not in row.path


KEPT_BY_PAYMENTS = {
    "POST /api/v1/stripe/connect",
    "GET /api/v1/stripe/transactions/{}",
}
"""Addresses that the documents give to two services: here they are stripe-payments' (decision 0010)."""
OWN = {"POST /api/cases/{}/filed"}
"""main-api's filings answer it, and tell integrations-backend."""


def test_every_route_of_integrations_that_is_for_users_is_passed_on() -> None:
    described = json.loads((SERVICES / "integrations-backend" / "openapi.json").read_text())
    offered = {
        f"{method.upper()} {NAME.sub('{}', path)}"
        for path, operations in described["paths"].items()
        for method in operations
        if path.startswith("/api/")
    }
    passed = {
        f"{row.method} {NAME.sub('{}', row.path)}" for row in ROUTES if row.upstream == INTEGRATIONS
    }
    assert offered - passed == KEPT_BY_PAYMENTS | OWN
