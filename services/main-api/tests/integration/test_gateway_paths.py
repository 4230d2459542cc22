"""An address names one declared route and nothing else, however it is written."""

import asyncio

import httpx
import pytest
from door import Browser, Door, Street

CLIMBING = [
    "..",
    "%2e%2e",
    ".",
    "%2e",
    "..%2f..%2finternal%2famazon%2fconsents",
    "%2e%2e%2finternal",
    "%2f%2fevil.test",
    "a%00",
    "a%0d%0aX-Evil:%201",
]


@pytest.mark.parametrize("segment", CLIMBING)
async def test_a_path_cannot_climb_out_of_its_route(
    ada: Browser, door: Door, street: Street, segment: str
) -> None:
    assert await raw_get(door, ada, f"/api/cases/{segment}") in {400, 404}
    assert street.integrations.asked == []


@pytest.mark.parametrize(
    "segment", ["%252e%252e", "%252f", "a%3Fadmin=1", "a%23b", "a;b", "..%5cb", "%C3%A9"]
)
async def test_an_odd_id_stays_one_segment(
    ada: Browser, door: Door, street: Street, segment: str
) -> None:
    assert await raw_get(door, ada, f"/api/cases/{segment}") == 200
    [(asked, _)] = street.integrations.asked
    plain = httpx.URL(f"http://x/{segment}").path.removeprefix("/")
    assert asked.path_params["path"] == f"api/cases/{plain}"
    assert asked.url.query == ""


async def raw_get(door: Door, browser: Browser, target: str) -> int:
    """As a client that does not tidy its paths; answers the status."""
    cookies = "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": httpx.QueryParams(f"p={target.replace('+', '%2B')}")["p"],
        "raw_path": target.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"app.opside.test"), (b"cookie", cookies.encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    statuses: list[int] = []
    received = asyncio.Event()

    async def receive() -> dict[str, object]:
        if received.is_set():
            await asyncio.Event().wait()  # the client stays and says no more
        received.set()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(int(str(message["status"])))

    await door.app(scope, receive, send)
    return statuses[0]
