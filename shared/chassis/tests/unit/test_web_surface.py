"""What every answer looks like: headers, CORS, request ids, problems, the access line."""

import logging
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import HTMLResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict
from web_parts import Keys, app_with, client_of

from opside_chassis import access
from opside_chassis.errors import Conflict, OpsideError, TooManyRequests, Unavailable
from opside_chassis.middleware import SECURITY_HEADERS

router = APIRouter(prefix="/t", dependencies=[Depends(access.public())])
ORIGIN = "https://app.opside.test"
SECRET_TEXT = "the password of the database"


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")
    amount: int


@router.get("/ok")
async def _ok() -> str:
    return "ok"


@router.delete("/gone", status_code=204)
async def _gone() -> None:
    return None


@router.get("/page")
async def _page() -> HTMLResponse:
    headers = {"Content-Security-Policy": "default-src 'self'", "Cache-Control": "max-age=60"}
    return HTMLResponse("<p>hello</p>", headers=headers)


@router.get("/boom")
async def _boom() -> None:
    raise RuntimeError(SECRET_TEXT)


@router.get("/half")
async def _half() -> StreamingResponse:
    async def parts():
        yield b"begun"
        raise RuntimeError(SECRET_TEXT)

    return StreamingResponse(parts())


@router.get("/conflict")
async def _conflict() -> None:
    raise Conflict("The claim was charged before.", transaction_id="txn_1", status_code=999)


@router.get("/own")
async def _own() -> None:
    class LeaseTakenError(OpsideError):
        status = 409
        code = "lease_taken"

    raise LeaseTakenError("Somebody is at it.")


@router.get("/busy")
async def _busy() -> None:
    raise TooManyRequests("Slow down.", retry_after_seconds=7)


@router.get("/away")
async def _away() -> None:
    raise Unavailable("stripe-payments does not answer.")


@router.get("/http")
async def _http(status: Annotated[int, Query()]) -> None:
    raise HTTPException(status, SECRET_TEXT if status >= 500 else "said by the route")


@router.post("/body")
async def _body(body: Body) -> int:
    return body.amount


@pytest.fixture
async def client():
    app = app_with(router, keys=Keys(), cors_allowed_origins=[ORIGIN])
    async with client_of(app) as client:
        yield client


@pytest.mark.parametrize("path", ["/t/ok", "/t/boom", "/t/conflict", "/nowhere", "/health"])
async def test_every_answer_has_the_security_headers(client, path: str) -> None:
    answer = await client.get(path)
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers[name] == value
    assert "server" not in answer.headers
    assert "strict-transport-security" not in answer.headers


async def test_an_answer_without_a_body_names_no_kind_of_body(client) -> None:
    answer = await client.delete("/t/gone")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_page_may_loosen_its_own_policy_and_nothing_else(client) -> None:
    answer = await client.get("/t/page")
    assert answer.headers.get_list("content-security-policy") == ["default-src 'self'"]
    assert answer.headers.get_list("cache-control") == ["max-age=60"]
    assert answer.headers["x-frame-options"] == "DENY"


async def test_production_demands_tls_and_hides_the_document() -> None:
    async with client_of(app_with(router, environment="production")) as client:
        answer = await client.get("/t/ok")
        assert answer.headers["strict-transport-security"].startswith("max-age=63072000")
        assert (await client.get("/openapi.json")).status_code == 404
    async with client_of(app_with(router)) as client:
        document = (await client.get("/openapi.json")).json()
        answers = document["paths"]["/t/body"]["post"]["responses"]
        assert set(answers) == {"200", "default"}


async def test_only_listed_origins_may_call_from_a_browser(client) -> None:
    listed = await client.get("/t/ok", headers={"Origin": ORIGIN})
    assert listed.headers["access-control-allow-origin"] == ORIGIN
    assert listed.headers["access-control-allow-credentials"] == "true"
    for origin in ("https://evil.test", "null", ORIGIN + ".evil.test", "http://app.opside.test"):
        other = await client.get("/t/ok", headers={"Origin": origin})
        assert "access-control-allow-origin" not in other.headers
    failed = await client.get("/t/boom", headers={"Origin": ORIGIN})
    assert failed.headers["access-control-allow-origin"] == ORIGIN


async def test_preflight(client) -> None:
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "idempotency-key, content-type",
    }
    allowed = await client.options("/t/body", headers=asked)
    assert allowed.status_code == 200
    refused = await client.options("/t/body", headers={**asked, "Origin": "https://evil.test"})
    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("checkout-42_A", True),
        ("short", False),
        ("x" * 64, True),
        ("x" * 65, False),
        ("has space here", False),
        ("newline\\n{}", False),
        ("ünïcödé-id".encode(), False),
    ],
)
async def test_request_ids_are_taken_over_only_when_well_formed(client, sent, kept) -> None:
    answer = await client.get("/nowhere", headers={"X-Request-ID": sent})
    got = answer.headers["x-request-id"]
    assert (got == sent) == kept
    assert answer.json()["requestId"] == got
    if not kept:
        assert got.startswith("req_")


async def test_request_ids_are_not_shared(client) -> None:
    first, second = [(await client.get("/t/ok")).headers["x-request-id"] for _ in range(2)]
    assert first != second


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/t/ok/", 404, "not_found"),
        ("DELETE", "/t/ok", 405, "method_not_allowed"),
        ("GET", "/t/boom", 500, "internal"),
        ("GET", "/t/conflict", 409, "conflict"),
        ("GET", "/t/own", 409, "lease_taken"),
        ("GET", "/t/busy", 429, "too_many_requests"),
        ("GET", "/t/away", 503, "unavailable"),
        ("GET", "/t/http?status=404", 404, "not_found"),
        ("GET", "/t/http?status=418", 418, "bad_request"),
        ("GET", "/t/http?status=502", 502, "internal"),
        ("GET", "/t/http?status=x", 422, "validation"),
    ],
)
async def test_problems(client, method: str, path: str, status: int, code: str) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["code"] == code
    assert body["type"] == f"urn:opside:problem:{code}"
    assert body["instance"] == path.partition("?")[0]
    assert body["requestId"] == answer.headers["x-request-id"]
    assert {"title", "detail"} <= set(body)
    assert SECRET_TEXT not in answer.text
    assert "Traceback" not in answer.text


async def test_extra_members_come_along_and_replace_no_standard_one(client) -> None:
    body = (await client.get("/t/conflict")).json()
    assert body["transactionId"] == "txn_1"
    assert body["status"] == 409


async def test_retry_after_is_said_where_coming_again_helps(client) -> None:
    assert (await client.get("/t/busy")).headers["retry-after"] == "7"
    assert (await client.get("/t/away")).headers["retry-after"] == "5"
    assert "retry-after" not in (await client.get("/t/conflict")).headers
    assert "allow" in (await client.delete("/t/ok")).headers


async def test_validation_names_the_field_and_repeats_no_input(client) -> None:
    answer = await client.post("/t/body", json={"amount": "hunter2", "password": "hunter3"})
    assert answer.status_code == 422
    errors = answer.json()["errors"]
    assert [error["location"] for error in errors] == [["body", "amount"], ["body", "password"]]
    assert "hunter" not in answer.text
    assert (await client.post("/t/body", json={"amount": 3})).json() == 3


async def test_an_error_after_the_answer_began_breaks_the_connection() -> None:
    transport_error = pytest.raises(RuntimeError, match=SECRET_TEXT)
    app = app_with(router)
    async with client_of(app) as client:
        client._transport.raise_app_exceptions = True
        with transport_error:
            await client.get("/t/half")


async def test_unforeseen_errors_are_logged_whole_for_us(client, caplog) -> None:
    with caplog.at_level(logging.ERROR):
        await client.get("/t/boom")
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info
    assert SECRET_TEXT in str(record.exc_info[1])


async def test_access_line_says_who_what_and_how_long_but_no_query(client, caplog) -> None:
    with caplog.at_level(logging.INFO, logger="opside.access"):
        await client.get("/t/http?status=404&code=very-secret")
        await client.get("/health")
    [record] = [record for record in caplog.records if record.name == "opside.access"]
    assert (record.method, record.path, record.status) == ("GET", "/t/http", 404)
    assert record.durationMs >= 0
    assert record.clientAddress == "127.0.0.1"
    assert "very-secret" not in record.getMessage()
