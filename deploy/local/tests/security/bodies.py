"""Attacks with what a request carries: bodies, texts, numbers, and members that are not the client's."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

import httpx
from fastapi import FastAPI
from security.house import INTEGRATIONS, MAIN_API, OLGA, PAYMENTS, House, Session, bearer
from security.pages import socket_status
from security.row import Attack, Built, Mutant

from opside_chassis.request_guard import RequestGuard
from opside_chassis.user_token import UserTokens
from opside_contracts import scopes
from opside_local.folders import PROJECT

FILINGS = "/api/filings"
DEEP = 10_000
TEN_MEGABYTES = 10 * 1024 * 1024


def without_guard(app: FastAPI, _house: House) -> None:
    """The same middlewares but for the one that looks at bodies and addresses."""
    app.user_middleware = [one for one in app.user_middleware if one.cls is not RequestGuard]


BARE = Built(app=without_guard)
JSON = {"Content-Type": "application/json"}


def posted(*bodies: bytes) -> Any:
    """The statuses of these bodies, where a small object with one text is expected."""

    async def attempt(house: House) -> list[int]:
        session = await house.signed_in()
        headers = bearer(session.token) | JSON
        answers = [await house.ask("POST", FILINGS, headers=headers, content=one) for one in bodies]
        return [answer.status_code for answer in answers]

    return attempt


async def broken_addresses(house: House) -> list[int]:
    """NUL and line breaks in a path and in a query."""
    session = await house.signed_in()
    ends = ("/a%00", "/a%0d%0aX-Evil:%201", "?cursor=a%00b", "?cursor=a%0aSet-Cookie:%20x")
    answers = [await house.ask("GET", FILINGS + end, headers=bearer(session.token)) for end in ends]
    return [answer.status_code for answer in answers]


async def broken_socket(house: House) -> int:
    """NUL in the address of a socket, which passes other layers than a request."""
    session = await house.signed_in()
    mint = UserTokens(house.signing_key(MAIN_API)).mint
    token = mint(audience=INTEGRATIONS, user_id=session.user_id, role="user", session_id="ses_1")
    return await socket_status(f"{house.integrations}/api/sync/progress/a%00b", bearer(token))


OWN = {
    "role": "admin",
    "userId": "usr_victim",
    "status": "paid",
    "state": "paid",
    "amountCents": 1,
    "type": "recovery.confirmed",
}
"""Members that a client might hope to set."""


def bodies_of(service: str) -> dict[str, str]:
    """Every route of a service that reads a JSON body, with its path filled.

    Not events: their readers overlook what a newer sender adds (decision 0005).
    """
    path = PROJECT / "services" / service / "openapi.json"
    found = {}
    for route, operations in json.loads(path.read_text())["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            if route == "/internal/events" or "application/json" not in content:
                continue
            if is_object(content["application/json"]["schema"]):
                found[f"{method.upper()} {route}"] = route.replace("{", "").replace("}", "")
    return found


def is_object(schema: Mapping[str, Any]) -> bool:
    """A list of objects has its own test: its members are at another place of the error."""
    return schema.get("type") != "array"


async def members_taken(house: House) -> set[str]:
    """Routes of all services that do not name the role, which none of them takes, as unknown."""
    admin = await house.signed_in(OLGA)
    took = set()
    for service in (MAIN_API, INTEGRATIONS, PAYMENTS):
        for name, path in bodies_of(service).items():
            headers = allowed_everything(house, service, admin, path) | {"Idempotency-Key": name}
            url = house.door(service) + path
            answer = await house.ask(name.partition(" ")[0], url, headers=headers, json=OWN)
            if not refuses(answer):
                took.add(name)
    return took


def allowed_everything(house: House, service: str, admin: Session, path: str) -> dict[str, str]:
    """A token that gets past the access rule of this route."""
    if service == MAIN_API and not path.startswith("/internal/"):
        return bearer(admin.token)
    sender = INTEGRATIONS if service == MAIN_API else MAIN_API
    granted = " ".join(sorted(scopes.GRANTED[service][sender]))
    acting = {"act_for": admin.user_id, "act_role": "admin"}
    return bearer(house.service_token(sender, service, granted, **acting))


def refuses(answer: httpx.Response) -> bool:
    """Whether the role, which no route of ours takes, is refused by its name."""
    return answer.status_code == 422 and "role" in answer.text


async def forged_line(house: House) -> bool:
    """Line breaks, colours and a whole log line in everything that is logged; whether one stands alone."""
    mark = uuid.uuid4().hex
    line = json.dumps({"level": "ERROR", "message": f"forged {mark}"})
    session = await house.signed_in()
    quoted = "".join(
        f"%{byte:02x}" for byte in f"\r\n{line}\u2028{line}\x85\x1b[31m\x9b31m".encode()
    )
    await house.ask("GET", f"/api/cases/{quoted}", headers=bearer(session.token))
    await house.ask("GET", "/api/me", headers={"User-Agent": line, "X-Request-ID": line})
    return any(mark in one and stands_alone(one, mark) for one in house.log().splitlines())


def stands_alone(line: str, mark: str) -> bool:
    """A line that a reader would take for one of ours, or that colours his terminal."""
    if {"\x1b", "\x9b"} & set(line):
        return True
    try:
        return bool(json.loads(line).get("message") == f"forged {mark}")
    except json.JSONDecodeError:
        return True


async def own_request_id(house: House) -> str:
    """A request id with a blank and a bracket, which some log reader will trip over; what comes back."""
    answer = await house.ask("GET", "/health", headers={"X-Request-ID": 'a"><b> c'})
    return "taken" if answer.headers["x-request-id"] == 'a"><b> c' else "drawn anew"


ATTACKS = (
    Attack(
        "body: nested 10,000 deep, and 100",
        posted(
            b'{"caseId":' + b"[" * DEEP + b"]" * DEEP + b"}",
            b'{"caseId":' + b"[" * 100 + b"]" * 100 + b"}",
        ),
        [400, 400],
        BARE,
        [400, 422],
    ),
    Attack(
        "body: ten megabytes",
        posted(b'{"caseId": "' + b"x" * TEN_MEGABYTES + b'"}'),
        [413],
        BARE,
        [422],
    ),
    Attack(
        "body: a member given twice",
        posted(b'{"caseId": "cas_1", "caseId": "cas_2"}'),
        [400],
        BARE,
        [404],
    ),
    Attack(
        "body: numbers that no float holds",
        posted(b'{"caseId": 1e999}', b'{"caseId": NaN}', b'{"caseId": -Infinity}'),
        [400, 400, 400],
        BARE,
        [422, 422, 422],
    ),
    Attack(
        "body: NUL and lone surrogates",
        posted(rb'{"caseId": "a\u0000b"}', rb'{"caseId": "a\ud800b"}'),
        [400, 400],
        BARE,
        [422, 422],
    ),
    Attack("address: NUL and line breaks", broken_addresses, [400] * 4, BARE, [500, 404, 400, 400]),
    Attack(
        "address: NUL in a socket's",
        broken_socket,
        400,
        Built(INTEGRATIONS, app=without_guard),
        500,
    ),
    Attack(
        "body: members that are not the client's",
        members_taken,
        set(),
        Mutant("opside_chassis/wire.py", '        extra="forbid",\n', '        extra="ignore",\n'),
        set(bodies_of(MAIN_API)),
    ),
    Attack(
        "log: a forged line",
        forged_line,
        False,
        Mutant(
            "opside_chassis/telemetry.py",
            "    handler.setFormatter(JsonFormatter(service))\n",
            '    handler.setFormatter(logging.Formatter("%(message)s"))\n',
        ),
        True,
    ),
    Attack(
        "log: a request id of the client's own shape",
        own_request_id,
        "drawn anew",
        Mutant(
            "opside_chassis/request_context.py",
            '_WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{8,64}")',
            '_WELL_FORMED = re.compile(r".{1,64}")',
        ),
        "taken",
    ),
)
