"""Forwarding a request as the gateway does, and bounded calls to providers."""

from collections.abc import AsyncIterator

import httpx
import pytest
from http_callee import problem
from starlette.responses import Response
from web_parts import HERE

from opside_chassis.http_client import (
    AnswerTooLarge,
    answer_headers,
    provider_client,
)
from opside_chassis.service_token import ServiceTokenVerifier

MEBIBYTE = 1024 * 1024


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
