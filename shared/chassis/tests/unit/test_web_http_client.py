"""Calls between services over a real socket: retries, errors, identity, bounds, forwarding."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from web_parts import HERE, Keys, served

from opside_chassis import http_client
from opside_chassis.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    OpsideError,
    PayloadTooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    Unprocessable,
)
from opside_chassis.http_client import (
    MAX_TRIES,
    AnswerTooLarge,
    ServiceClient,
    answer_headers,
    provider_client,
)
from opside_chassis.request_context import enter_request, leave_request
from opside_chassis.service_token import ServiceTokens, ServiceTokenVerifier

MEBIBYTE = 1024 * 1024


class Callee:
    """Answers from a script and remembers what it was asked."""

    def __init__(self) -> None:
        self.script: list[Response] = []
        self.asked: list[tuple[Request, bytes]] = []

    async def answer(self, request: Request) -> Response:
        self.asked.append((request, await request.body()))
        return self.script.pop(0) if self.script else JSONResponse({"ok": True})

    async def endless(self, _request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            for _ in range(64):
                yield b"x" * MEBIBYTE

        return StreamingResponse(parts())

    async def slow(self, request: Request) -> Response:
        self.asked.append((request, b""))
        await asyncio.sleep(1)
        return JSONResponse({})

    def app(self) -> Starlette:
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        return Starlette(
            routes=[
                Route("/endless", self.endless),
                Route("/slow", self.slow, methods=methods),
                Route("/{path:path}", self.answer, methods=methods),
            ]
        )

    def tokens(self) -> list[str]:
        return [asked.headers["authorization"].removeprefix("Bearer ") for asked, _ in self.asked]


def problem(status: int, *, retry_after: str | None = None, **members: Any) -> Response:
    headers = {"Retry-After": retry_after} if retry_after else {}
    body = {"type": "urn:x", "title": "T", "status": status, **members}
    return JSONResponse(
        body, status_code=status, headers=headers, media_type="application/problem+json"
    )


class Pauses:
    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture(scope="module")
async def running():
    """One server for the whole file: starting it takes longer than any test."""
    callee = Callee()
    async with served(callee.app()) as url:
        yield callee, url


@pytest.fixture
def callee(running) -> Callee:
    callee, _ = running
    callee.script, callee.asked = [], []
    return callee


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
async def client(running, callee, keys, pauses):
    _, url = running
    tokens = ServiceTokens(keys.main, "main-api", clock=keys.clock)
    client = ServiceClient(url, HERE, tokens, timeout_seconds=0.5, sleep=pauses)
    yield client
    await client.close()


async def test_a_call_proves_who_calls_and_for_whom(client, callee, keys) -> None:
    answer = await client.request(
        "POST",
        "/api/charge",
        scope="commissions:charge",
        act_for="usr_9",
        act_role="user",
        query={"dry": "no"},
        json={"amount": 5},
        idempotency_key="recovery-1",
        headers={"X-Own": "1"},
    )
    assert answer == {"ok": True}
    [(asked, body)] = callee.asked
    assert (asked.method, str(asked.url.path), asked.url.query) == ("POST", "/api/charge", "dry=no")
    assert body == b'{"amount":5}'
    assert asked.headers["idempotency-key"] == "recovery-1"
    assert asked.headers["x-own"] == "1"
    verifier = ServiceTokenVerifier(keys.ring(), HERE, clock=keys.clock)
    identity = verifier.verify(callee.tokens()[0])
    assert (identity.service, identity.act_for, identity.act_role) == ("main-api", "usr_9", "user")
    assert identity.scopes == {"commissions:charge"}


async def test_every_try_has_a_fresh_token_and_the_same_key(client, callee, pauses) -> None:
    callee.script = [problem(503), problem(502)]
    await client.request("POST", "/a", scope="s", json={}, idempotency_key="k")
    assert len(set(callee.tokens())) == len(callee.tokens()) == 3
    assert {asked.headers["idempotency-key"] for asked, _ in callee.asked} == {"k"}
    assert 0 < pauses.seconds[0] < pauses.seconds[1] < 1


async def test_the_request_id_travels_along(client, callee) -> None:
    _, token = enter_request("checkout-42")
    try:
        await client.request("GET", "/a", scope="s")
    finally:
        leave_request(token)
    assert callee.asked[0][0].headers["x-request-id"] == "checkout-42"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
@pytest.mark.parametrize(
    ("method", "key", "tries"),
    [
        ("GET", None, MAX_TRIES),
        ("PUT", None, MAX_TRIES),
        ("DELETE", None, MAX_TRIES),
        ("POST", "k", MAX_TRIES),
        ("POST", None, 1),
        ("PATCH", None, 1),
    ],
)
async def test_what_is_tried_again(client, callee, status, method, key, tries) -> None:
    callee.script = [problem(status) for _ in range(9)]
    with pytest.raises(TooManyRequests if status == 429 else Unavailable):
        await client.request(method, "/a", scope="s", idempotency_key=key)
    assert len(callee.asked) == tries


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 500, 501])
async def test_what_is_final(client, callee, status) -> None:
    callee.script = [problem(status) for _ in range(9)]
    with pytest.raises(OpsideError):
        await client.request("GET", "/a", scope="s")
    assert len(callee.asked) == 1


async def test_a_short_retry_after_is_kept_and_a_long_one_passed_on(client, callee, pauses) -> None:
    callee.script = [problem(429, retry_after="2")]
    await client.request("GET", "/a", scope="s")
    assert pauses.seconds == [2]
    callee.script = [problem(503, retry_after="60")]
    with pytest.raises(Unavailable) as caught:
        await client.request("GET", "/a", scope="s")
    assert caught.value.retry_after_seconds == 60
    assert len(callee.asked) == 3


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest),
        (401, Unauthenticated),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (413, PayloadTooLarge),
        (422, Unprocessable),
        (418, BadRequest),
    ],
)
async def test_a_problem_becomes_our_error_again(client, callee, status, kind) -> None:
    callee.script = [problem(status, detail="Said.", code="own_code", transactionId="txn_1")]
    with pytest.raises(kind) as caught:
        await client.request("GET", "/a", scope="s")
    assert type(caught.value) is kind
    assert (caught.value.detail, caught.value.code) == ("Said.", "own_code")
    assert caught.value.extra == {"transactionId": "txn_1"}
    assert kind.code != "own_code"


@pytest.mark.parametrize(
    "answer",
    [
        Response("<h1>secret</h1>", 404, media_type="text/html"),
        JSONResponse(["secret"], 404),
        JSONResponse({"self": 1, "not an identifier": 2, "code": 7}, 404),
    ],
)
async def test_an_error_without_a_problem_still_has_its_kind(client, callee, answer) -> None:
    callee.script = [answer]
    with pytest.raises(NotFound) as caught:
        await client.request("GET", "/a", scope="s")
    assert "secret" not in caught.value.detail
    assert caught.value.code == "not_found"


async def test_what_the_callee_breaks_is_unavailable_without_its_text(client, callee) -> None:
    callee.script = [
        problem(500, detail="relation users does not exist"),
        Response(status_code=302, headers={"Location": "https://evil.test/"}),
        Response("not json", media_type="application/json"),
    ]
    for _ in range(3):
        with pytest.raises(Unavailable) as caught:
            await client.request("GET", "/a", scope="s")
        assert "relation" not in caught.value.detail
    assert len(callee.asked) == 3


async def test_an_empty_answer_is_none(client, callee) -> None:
    callee.script = [Response(status_code=204)]
    assert await client.request("DELETE", "/a", scope="s") is None


async def test_nobody_there(keys, pauses) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    tokens = ServiceTokens(keys.main, "main-api", clock=keys.clock)
    client = ServiceClient(url, HERE, tokens, sleep=pauses)
    # A connection that was never made is tried again even without a key: nothing was sent.
    with pytest.raises(Unavailable):
        await client.request("POST", "/a", scope="s", json={})
    assert len(pauses.seconds) == MAX_TRIES - 1
    with pytest.raises(Unavailable):
        await client.forward("GET", "/a", scope="act")
    await client.close()


async def test_silence_is_unavailable_and_a_post_without_key_is_not_repeated(
    client, callee
) -> None:
    with pytest.raises(Unavailable):
        await client.request("POST", "/slow", scope="s", json={})
    assert len(callee.asked) == 1


async def test_an_answer_without_end_is_cut(client, callee) -> None:
    with pytest.raises(Unavailable):
        await client.request("GET", "/endless", scope="s")


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "//evil.test/a",
        "http://evil.test/a",
        "/a/../b",
        "/a/%2e%2e/b",
        "/a/%2E%2E%2fb",
        "/a\\b",
    ],
)
async def test_paths_that_leave_the_base_are_refused(client, callee, path: str) -> None:
    with pytest.raises(BadRequest):
        await client.request("GET", path, scope="s")
    with pytest.raises(BadRequest):
        await client.forward("GET", path, scope="s")
    assert callee.asked == []
    await client.request("GET", "/a.b/..c/%20", scope="s")


async def test_no_call_inside_a_transaction(client, callee, monkeypatch) -> None:
    def refuse() -> None:
        raise RuntimeError("a transaction is open")

    monkeypatch.setattr(http_client, "refuse_open_transaction", refuse)
    for call in (
        client.request("GET", "/a", scope="s"),
        client.forward("GET", "/a", scope="s"),
    ):
        with pytest.raises(RuntimeError, match="transaction"):
            await call
    assert callee.asked == []


CLIENT_HEADERS = {
    "Accept": "application/json",
    "Content-Type": "application/octet-stream",
    "Idempotency-Key": "k-1",
    "Last-Event-ID": "7",
    "Authorization": "Bearer stolen",
    "Cookie": "__Host-session=stolen",
    "X-CSRF-Token": "stolen",
    "X-Opside-Browser-Binding": "forged",
    "X-User-Id": "usr_1",
    "X-Forwarded-For": "6.6.6.6",
    "Forwarded": "for=6.6.6.6",
    "Connection": "close, x-user-id",
    "Transfer-Encoding": "chunked",
    "Host": "evil.test",
    "Baggage": "role=admin",
    "Traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01",
}


async def body_of(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_forwarding_drops_what_claims_identity_and_keeps_the_rest(
    client, callee, keys
) -> None:
    response = await client.forward(
        "POST",
        "/api/x",
        scope="act",
        act_for="usr_9",
        act_role="user",
        act_session="ses_9",
        query=b"a=1&b=%2F",
        headers=CLIENT_HEADERS,
        trusted_headers={"X-Opside-Browser-Binding": "real"},
        body_stream=body_of(b"one", b"two"),
    )
    assert await response.aread() == b'{"ok":true}'
    await response.aclose()
    [(asked, body)] = callee.asked
    assert body == b"onetwo"
    assert asked.url.query == "a=1&b=%2F"
    seen = asked.headers
    assert seen["idempotency-key"] == "k-1"
    assert seen["content-type"] == "application/octet-stream"
    assert seen["last-event-id"] == "7"
    assert seen.getlist("x-opside-browser-binding") == ["real"]
    for name in ("cookie", "x-csrf-token", "x-user-id", "x-forwarded-for", "forwarded", "baggage"):
        assert name not in seen, name
    assert "evil.test" not in seen["host"]
    assert seen.get("traceparent") != CLIENT_HEADERS["Traceparent"]
    assert len(seen.getlist("authorization")) == 1
    identity = ServiceTokenVerifier(keys.ring(), HERE, clock=keys.clock).verify(callee.tokens()[0])
    assert (identity.act_for, identity.act_role, identity.act_session) == ("usr_9", "user", "ses_9")


async def test_forwarded_answers_stream_and_lose_what_is_not_the_clients(client, callee) -> None:
    headers = {"Location": "/next", "Set-Cookie": "a=b", "X-Internal": "1", "ETag": '"7"'}
    callee.script = [Response(b"", 302, headers=headers)]
    response = await client.forward("GET", "/a", scope="act")
    assert response.status_code == 302
    passed = answer_headers(response)
    assert passed["location"] == "/next"
    assert passed["etag"] == '"7"'
    assert not {"set-cookie", "x-internal", "connection", "server", "date"} & set(passed)
    await response.aclose()
    response = await client.forward("GET", "/endless", scope="act")
    total = sum([len(part) async for part in response.aiter_raw()])
    assert total == 64 * MEBIBYTE
    await response.aclose()


async def test_forwarding_invents_no_body_and_keeps_the_length(client, callee) -> None:
    for headers, sent in (({}, b""), ({"Content-Length": "3"}, b"abc")):
        stream = body_of(b"abc") if sent else body_of()
        response = await client.forward(
            "POST", "/a", scope="act", headers=headers, body_stream=stream
        )
        await response.aclose()
        asked, body = callee.asked[-1]
        assert body == sent
        assert asked.headers.get("content-length", "0") == str(len(sent))
        assert "transfer-encoding" not in asked.headers


async def test_forwarding_tries_once(client, callee) -> None:
    callee.script = [problem(503), problem(503)]
    response = await client.forward("GET", "/a", scope="act")
    assert response.status_code == 503
    await response.aclose()
    assert len(callee.asked) == 1


async def test_a_provider_client_is_bounded_and_follows_nothing(running, callee) -> None:
    _, url = running
    async with provider_client(url, timeout_seconds=0.3, max_body_bytes=MEBIBYTE) as provider:
        callee.script = [Response(status_code=302, headers={"Location": "/elsewhere"})]
        assert (await provider.get("/a")).status_code == 302
        assert len(callee.asked) == 1
        with pytest.raises(AnswerTooLarge):
            await provider.get("/endless")
        with pytest.raises(httpx.TimeoutException):
            await provider.get("/slow")
