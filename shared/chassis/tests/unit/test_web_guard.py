"""Bounds on bodies and addresses: size, depth, control characters, one meaning per body."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Depends, Request, UploadFile
from fastapi.responses import StreamingResponse
from hypothesis import given
from hypothesis import strategies as st
from web_parts import app_with, client_of, served

from opside_chassis import access, request_guard
from opside_chassis.errors import BadRequest
from opside_chassis.rate_limits import PathLimits
from opside_chassis.request_guard import MAX_BODY_BYTES, MAX_JSON_DEPTH, check_json

JSON = {"Content-Type": "application/json"}
LIMITS = (
    PathLimits("/t/uploads", max_body_bytes=3 * MAX_BODY_BYTES),
    PathLimits("/t/hooks", json_checked=False),
    PathLimits("/t/hooks/small", max_body_bytes=10, json_checked=False),
)
router = APIRouter(prefix="/t", dependencies=[Depends(access.public())])


@router.post("/json")
async def _json(body: dict[str, Any] | list[Any]) -> Any:
    return body


@router.post("/uploads/file")
@router.post("/file")
async def _file(file: UploadFile) -> int:
    return len(await file.read())


@router.post("/stream")
async def _stream(request: Request) -> int:
    return sum([len(part) async for part in request.stream()])


@router.post("/events")
async def _events(request: Request) -> StreamingResponse:
    await request.body()

    async def parts() -> AsyncIterator[str]:
        for part in "abc":
            await asyncio.sleep(0.1)
            yield part

    return StreamingResponse(parts())


@router.post("/hooks")
@router.post("/hooks/small")
@router.post("/hooksandmore")
async def _hook(request: Request) -> int:
    return len(await request.body())


@router.get("/items/{name}")
async def _item(name: str, q: str = "") -> str:
    return name + q


@pytest.fixture
async def client():
    async with client_of(app_with(router, path_limits=LIMITS)) as client:
        yield client


async def in_parts(*sizes: int) -> AsyncIterator[bytes]:
    for size in sizes:
        yield b"x" * size


HALF = MAX_BODY_BYTES // 2


@pytest.mark.parametrize("path", ["/t/stream", "/t/json", "/t/hooks"])
@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
async def test_a_declared_length_above_the_limit_is_refused_unread(client, path, kind) -> None:
    answer = await client.post(
        path, content=b"x" * (MAX_BODY_BYTES + 1), headers={"Content-Type": kind}
    )
    assert answer.status_code == 413
    assert answer.json()["code"] == "payload_too_large"


@pytest.mark.parametrize("path", ["/t/stream", "/t/hooks"])
async def test_a_chunked_body_is_counted_as_it_comes(client, path) -> None:
    for sizes, status in (((HALF, HALF), 200), ((HALF, HALF, 1), 413)):
        answer = await client.post(path, content=in_parts(*sizes))
        assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_chunked_json_body_is_counted_too(client) -> None:
    async def body(size: int) -> AsyncIterator[bytes]:
        yield b'["'
        yield b"x" * (size - 4)
        yield b'"]'

    for size, status in ((MAX_BODY_BYTES, 200), (MAX_BODY_BYTES + 1, 413)):
        assert (
            await client.post("/t/json", content=body(size), headers=JSON)
        ).status_code == status


async def test_a_chunked_upload_is_answered_413_and_not_400(client) -> None:
    """FastAPI turns any error of reading a form into a 400; the limit must win over that."""
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'

    async def form(size: int) -> AsyncIterator[bytes]:
        yield head
        for _ in range(size // HALF):
            yield b"x" * HALF
        yield b"\r\n--b--\r\n"

    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    small = await client.post("/t/file", content=form(HALF), headers=kind)
    assert (small.status_code, small.json()) == (200, HALF)
    large = await client.post("/t/file", content=form(2 * MAX_BODY_BYTES), headers=kind)
    assert large.status_code == 413
    allowed = await client.post("/t/uploads/file", content=form(2 * MAX_BODY_BYTES), headers=kind)
    assert (allowed.status_code, allowed.json()) == (200, 2 * MAX_BODY_BYTES)
    over = await client.post("/t/uploads/file", content=form(4 * MAX_BODY_BYTES), headers=kind)
    assert over.status_code == 413


@pytest.mark.parametrize("path", ["/t/stream", "/t/json", "/t/file"])
async def test_a_body_that_stops_coming_is_not_waited_for(path, monkeypatch) -> None:
    monkeypatch.setattr(request_guard, "BODY_SILENCE_SECONDS", 0.1)
    kinds = {"/t/json": "application/json", "/t/file": "multipart/form-data; boundary=b"}
    head = f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\nContent-Type: "
    async with served(app_with(router)) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(f"{head}{kinds.get(path, 'text/plain')}\r\n\r\n--b".encode())
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408")


async def test_an_answer_may_take_longer_than_a_body(monkeypatch) -> None:
    monkeypatch.setattr(request_guard, "BODY_SILENCE_SECONDS", 0.1)
    async with served(app_with(router)) as url, httpx.AsyncClient() as client:
        answer = await client.post(f"{url}/t/events", content=b"start")
    assert answer.text == "abc"


async def test_the_longest_prefix_wins_and_a_prefix_ends_at_a_slash(client) -> None:
    assert (await client.post("/t/hooks", content=b"x" * 11)).status_code == 200
    assert (await client.post("/t/hooks/small", content=b"x" * 11)).status_code == 413
    ambiguous = b'{"a":1,"a":2}'
    assert (await client.post("/t/hooks", content=ambiguous, headers=JSON)).status_code == 200
    assert (
        await client.post("/t/hooksandmore", content=ambiguous, headers=JSON)
    ).status_code == 400


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "ten", "\u0661"])
async def test_a_length_that_is_no_number(client, length: str) -> None:
    answer = await client.post(
        "/t/stream", content=b"x", headers={"Content-Length": length.encode()}
    )
    assert answer.status_code == 400


def nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * depth + closing * depth).encode()


async def test_depth(client) -> None:
    good = await client.post("/t/json", content=nested(MAX_JSON_DEPTH), headers=JSON)
    assert good.status_code == 200
    for body in (
        nested(MAX_JSON_DEPTH + 1),
        nested(100_000),
        b'{"a":' * 33 + b"1" + b"}" * 33,
        b"[" * 100_000,
    ):
        answer = await client.post("/t/json", content=body, headers=JSON)
        assert answer.status_code == 400
        assert "deeper" in answer.json()["detail"] or "not valid" in answer.json()["detail"]


def test_brackets_in_texts_and_broad_bodies_are_not_depth() -> None:
    check_json(json.dumps(["[" * 500, '"[{\\', {"[[": "]"}] * 100).encode())
    check_json(json.dumps([[] for _ in range(500)]).encode())


REFUSED = {
    "not JSON": b"{",
    "two documents": b"{} {}",
    "a member twice": b'{"amount": 1, "amount": 100}',
    "a member twice, inside": b'[{"x": {"a": 1, "\\u0061": 2}}]',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "a float beyond range": b'{"a": 1e999}',
    "an integer of 5000 digits": b'{"a": ' + b"9" * 5000 + b"}",
    "raw control character": b'{"a": "\x01"}',
    "escaped NUL": b'{"a": "\\u0000"}',
    "escaped bell in a list": b'[["\\u0007"]]',
    "control character in a name": b'{"\\u001b[31m": 1}',
    "backspace": b'{"a": "\\b"}',
    "delete": b'{"a": "\x7f"}',
    "C1 control": b'{"a": "\\u0085"}',
    "lone surrogate": b'{"a": "\\ud800"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "Latin-1": b'{"a": "\xe9"}',
}


@pytest.mark.parametrize("what", REFUSED)
async def test_bodies_with_no_or_several_meanings(client, what: str) -> None:
    for media_type in ("application/json", "Application/JSON; charset=utf-8", "application/x+json"):
        answer = await client.post(
            "/t/json", content=REFUSED[what], headers={"Content-Type": media_type}
        )
        assert answer.status_code == 400, answer.text


async def test_good_bodies_pass_unchanged(client) -> None:
    body = {
        "text": "line one\nline two\r\n\ttab é 漢 😀",
        "n": -1.5e3,
        "deep": [[{}]],
        "q": '"\\u0000',
    }
    answer = await client.post("/t/json", json=body)
    assert answer.json() == body


async def test_an_empty_body_is_the_routes_business(client) -> None:
    assert (await client.post("/t/json", content=b"", headers=JSON)).status_code == 422


@pytest.mark.parametrize(
    "address",
    [
        "/t/items/a%00b",
        "/t/items/a%0d%0ab",
        "/t/items/a%09",
        "/t/items/%7f",
        "/t/items/a?q=%00",
        "/t/items/a?q=%0a",
    ],
)
async def test_addresses_with_control_characters(client, address: str) -> None:
    assert (await client.get(address)).status_code == 400
    assert (await client.get("/t/items/a%20b?q=%C3%A9")).json() == "a bé"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=20,
)


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


def texts_in(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = [*value, *value.values()] if isinstance(value, dict) else value
    return [t for part in parts for t in texts_in(part)] if isinstance(parts, list) else []


@given(json_values, st.booleans(), st.integers(0, 40))
def test_the_guard_refuses_exactly_control_characters_and_depth(value, ascii_only, wraps) -> None:
    for _ in range(wraps):
        value = [value]
    body = json.dumps(value, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    bad_text = any(
        (ord(char) < 32 and char not in "\n\r\t")
        or 127 <= ord(char) < 160
        or 0xD800 <= ord(char) < 0xE000
        for text in texts_in(value)
        for char in text
    )
    if bad_text or depth_of(value) > MAX_JSON_DEPTH:
        with pytest.raises(BadRequest):
            check_json(body)
    else:
        check_json(body)
