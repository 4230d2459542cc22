"""Attacks through the gateway: what of a client's path, headers and wishes reaches the services behind.

Behind the door stands a listener that writes down what it hears; nothing else answers there.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

from fastapi import FastAPI
from security.house import INTEGRATIONS, MAIN_API, PAYMENTS, House
from security.row import Attack, Built, Mutant
from security.wire import raw, request

from opside_chassis.http_client import ServiceClient
from opside_chassis.service_token import ServiceTokens
from opside_local.folders import PROJECT
from opside_local.ports import HOST


@dataclass
class Listener:
    """A service behind the door that answers everything with an empty object."""

    url: str = ""
    heard: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Request lines without the version, and headers."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *rest = head.decode("latin-1").strip().split("\r\n")
                pairs = (one.partition(":")[::2] for one in rest)
                headers = {name.lower(): value.strip().lower() for name, value in pairs}
                self.heard.append((line.rpartition(" ")[0], headers))
                await reader.readexactly(int(headers.get("content-length", "0")))
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    """At a free port."""
    listener = Listener()
    server = await asyncio.start_server(listener.serve, HOST, 0)
    async with server:
        listener.url = f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
        yield listener


@dataclass(frozen=True)
class Before:
    """A door with the listener instead of both services behind it."""

    door: Built | Mutant

    @asynccontextmanager
    async def opened(self, house: House) -> AsyncIterator[House]:
        """The house with this door and a listener that hears of no other test."""
        async with listening() as listener:
            behind = {"INTEGRATIONS_URL": listener.url, "PAYMENTS_URL": listener.url}
            async with replace(self.door, settings=lambda _: behind).opened(house) as standing:
                yield replace(standing, behind=listener)


CLIMBING = (
    "/api/cases/..",
    "/api/cases/../../internal/amazon/consents",
    "/api/cases/%2e%2e",
    "/api/cases/%2e%2e/%2e%2e/internal/amazon/consents",
    "/api/cases/..%2f..%2finternal%2famazon%2fconsents",
    "/api/cases/.%2e",
    "/api/cases/..;/internal",
    "/api/cases/..%5c..%5cinternal",
    "/api/cases/%252e%252e",
    "/api/cases/%00",
    "/api/cases/a%0d%0aX-Evil:%201",
    "//internal/amazon/consents",
    "/internal/amazon/consents",
    "/api//../internal/amazon/consents",
    "/api/cases//..//..//internal",
    "/api/../internal/amazon/consents",
    "http://other.test/internal/amazon/consents",
    "/api/cases/a?x=%0d%0aX-Evil:%201",
    "/api/cases/a#/../internal",
)


async def climbed(house: House) -> set[str]:
    """What the service behind the door was asked for that is no single case."""
    session = await house.signed_in()
    for target in CLIMBING:
        await raw(house.main_api, request(f"GET {target}", session, "Connection: close"))
    paths = {line.partition(" ")[2] for line, _ in house.behind.heard}
    return {path for path in paths if not one_case(path)}


def one_case(path: str) -> bool:
    """`/api/cases/` and one segment, which stays one however often it is unquoted."""
    rest = path.removeprefix("/api/cases/").partition("?")[0]
    return (
        path.startswith("/api/cases/")
        and bool(rest)
        and not set(rest) & {"/", "\\", "\r"}
        and (rest not in {".", ".."} and "%2f" not in rest.lower() and "%0d" not in path.lower())
    )


CLAIMS = {
    "X-User-Id": "usr_victim",
    "X-Opside-User": "usr_victim",
    "X-Opside-Browser-Binding": "forged",
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-User": "usr_victim",
    "X-Forwarded-Host": "evil.test",
    "X-Real-IP": "6.6.6.6",
    "Forwarded": "for=6.6.6.6",
    "X-HTTP-Method-Override": "DELETE",
    "X-Original-URL": "/internal/amazon/consents",
    "Baggage": "role=admin",
    "Proxy-Authorization": "Basic eDp5",
    "TE": "trailers",
    "Keep-Alive": "timeout=600",
    "Proxy-Connection": "keep-alive",
}
"""What a client may claim, and hop-by-hop headers; `Connection` names one more, to have it dropped."""


async def claimed(house: House) -> set[str]:
    """Which claims, cookies and secrets of a client reached the service behind the door."""
    session = await house.signed_in()
    headers = session.cookie() | CLAIMS | {"Connection": "Authorization, X-User-Id"}
    answer = await house.ask("GET", "/api/cases", headers=headers)
    assert answer.status_code == 200, answer.text
    [(_, seen)] = house.behind.heard
    passed = {name for name, value in CLAIMS.items() if seen.get(name.lower()) == value.lower()}
    passed |= {"Cookie"} if "cookie" in seen else set()
    return passed | (
        set() if seen.get("authorization", "").startswith("bearer ey") else {"no token"}
    )


class Frank(ServiceClient):
    """Passes every header of the client on."""

    async def forward(self, method: str, path: str, **call: Any) -> Any:
        everything = {**call["headers"], **(call["trusted_headers"] or {})}
        return await super().forward(method, path, **call | {"trusted_headers": everything})


def frank(runtime: Any, house: House) -> Any:
    tokens = ServiceTokens(house.signing_key(MAIN_API), MAIN_API)
    client = Frank(runtime.settings.integrations_url, INTEGRATIONS, tokens)
    return replace(runtime, upstreams={**runtime.upstreams, INTEGRATIONS: client})


def inner_routes() -> set[tuple[str, str]]:
    """What the services behind the door offer, but for what the gateway passes on."""
    shape = re.compile(r"\{\w+\}")
    offered = set()
    for service in (INTEGRATIONS, PAYMENTS):
        described = json.loads((PROJECT / "services" / service / "openapi.json").read_text())
        for path, operations in described["paths"].items():
            offered |= {(method.upper(), shape.sub("x", path)) for method in operations}
    rows = import_module("main_api.gateway.table").ROUTES
    passed = {(row.method, shape.sub("x", row.path)) for row in rows}
    return {(method, path) for method, path in offered - passed if not path.startswith("/health")}


async def asked_within(house: House) -> set[str]:
    """Routes for services and providers alone, asked for through the gateway: what came through."""
    session = await house.signed_in()
    assert inner_routes() >= {("POST", "/internal/amazon/consents"), ("POST", "/webhooks/stripe")}
    for method, path in sorted(inner_routes()):
        await house.ask(method, path, headers=session.proof(), json={})
    return {line for line, _ in house.behind.heard}


def one_row_more(app: FastAPI, _house: House) -> None:
    """A gateway that passes on one route of the inside."""
    table, routes = (
        import_module("main_api.gateway.table"),
        import_module("main_api.gateway.routes"),
    )
    row = table.PassedOn("POST", "/internal/amazon/consents", table.Upstream.INTEGRATIONS)
    app.include_router(routes.build_router((row,)))


ATTACKS = (
    Attack(
        "gateway: a path that climbs",
        climbed,
        set(),
        Before(
            Mutant(
                "opside_chassis/http_client.py",
                'climbs = any(segment in {".", ".."} for segment in unquote(parts.path).split("/"))',
                "climbs = False",
            )
        ),
        {"/api/cases/.."},
        guarded=Before(Built()),
    ),
    Attack(
        "gateway: headers that claim who asks",
        claimed,
        set(),
        Before(Built(runtime=frank)),
        {*CLAIMS, "Cookie"},
        guarded=Before(Built()),
    ),
    Attack(
        "gateway: routes of the inside",
        asked_within,
        set(),
        Before(Built(app=one_row_more)),
        {"POST /internal/amazon/consents"},
        guarded=Before(Built()),
    ),
)
