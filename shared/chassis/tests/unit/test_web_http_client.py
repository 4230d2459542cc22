"""Calls between services over a real socket: retries, errors, identity, bounds, forwarding."""

import socket

import pytest
from http_callee import Callee, problem
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response
from web_parts import HERE

from opside_chassis import http_client
from opside_chassis.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    OpsideError,
    PayloadTooLarge,
    TooManyRequests,
    Unavailable,
    Unprocessable,
)
from opside_chassis.http_client import (
    MAX_TRIES,
    ServiceClient,
)
from opside_chassis.request_context import enter_request, leave_request
from opside_chassis.service_token import ServiceTokens, ServiceTokenVerifier

MEBIBYTE = 1024 * 1024


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


async def test_reads_share_a_token_and_nothing_else_does(client, callee) -> None:
    for method in ("GET", "GET", "POST", "POST", "PUT", "DELETE"):
        await client.request(method, "/a", scope="s")
    reads, others = callee.tokens()[:2], callee.tokens()[2:]
    assert reads[0] == reads[1]
    assert len({*reads, *others}) == 1 + len(others)


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


async def test_a_refused_token_of_ours_is_no_callers_fault(client, callee) -> None:
    callee.script = [problem(401, detail="The token is not good.", code="unauthenticated")]
    with pytest.raises(Unavailable) as caught:
        await client.request("GET", "/a", scope="s")
    assert (caught.value.status, caught.value.code) == (503, "unavailable")
    assert "token" not in caught.value.detail


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


class Agreed(BaseModel):
    ok: bool


async def test_an_answer_is_read_as_its_contract_says(client: ServiceClient) -> None:
    assert await client.request_as(Agreed, "GET", "/x", scope="s") == Agreed(ok=True)


@pytest.mark.parametrize("body", [{}, {"ok": "perhaps"}, [], None])
async def test_an_answer_out_of_contract_is_no_answer(
    client: ServiceClient, callee: Callee, body: object
) -> None:
    callee.script = [JSONResponse(body)]
    with pytest.raises(Unavailable, match="something else than agreed"):
        await client.request_as(Agreed, "POST", "/x", scope="s")
