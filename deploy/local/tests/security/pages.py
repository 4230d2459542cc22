"""Attacks by foreign pages that a signed-in seller looks at."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from security.house import (
    EVIL,
    INTEGRATIONS,
    House,
    bearer,
)
from security.row import Attack, Built, Mutant
from security.weak_parts import believing, cookie_alone
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from opside_chassis.user_token import UserTokens
from opside_local.folders import PROJECT

SAFE = {"get", "head", "options"}
LOOSE_PAGES = {"CORS_ALLOWED_ORIGINS": json.dumps([EVIL])}
PRODUCT = PROJECT / "services/main-api/src/main_api/dashboard/product_openapi.json"


def changes() -> list[tuple[str, str]]:
    """Every route of the product that a person may change something with."""
    described = json.loads(PRODUCT.read_text())["paths"]
    return sorted(
        (method.upper(), path)
        for path, operations in described.items()
        for method in operations
        if method not in SAFE and path.startswith("/api/") and path != "/api/auth/refresh"
    )


async def forged_changes(house: House) -> set[str]:
    """A foreign page sends every change there is with Ada's cookie; those that were not refused.

    Without the guard each is refused for another reason, or works.
    """
    session = await house.signed_in()
    took = set()
    for method, path in changes():
        if path == "/api/auth/logout":
            continue  # asked last, it would hide what comes after it
        url = path.replace("{", "").replace("}", "")
        headers = session.proof(Origin=EVIL, X_CSRF_Token=None) | {"Content-Type": "text/plain"}
        answer = await house.ask(method, url, headers=headers, content=b"{}")
        if not (answer.status_code == 403 and answer.json()["code"] == "csrf_refused"):
            took.add(f"{method} {path}")
    return took


def logout(**headers: str | None) -> Callable[[House], Awaitable[int]]:
    """The status of a sign-out with these headers changed."""

    async def attempt(house: House) -> int:
        session = await house.signed_in()
        sent = session.proof(**headers)
        return (await house.ask("POST", "/api/auth/logout", headers=sent)).status_code

    return attempt


async def foreign_refresh(house: House) -> int:
    session = await house.signed_in()
    headers = session.cookie() | {"Origin": EVIL}
    return (await house.ask("POST", "/api/auth/refresh", headers=headers)).status_code


async def preflight(house: House) -> str | None:
    """Which page the answer to a preflight lets in."""
    headers = {"Origin": EVIL, "Access-Control-Request-Method": "GET"}
    answer = await house.ask("OPTIONS", "/api/me", headers=headers)
    return answer.headers.get("access-control-allow-origin")


async def read_by_script(house: House) -> str | None:
    """Which page may read an answer that came with cookies."""
    session = await house.signed_in()
    answer = await house.ask("GET", "/api/me", headers=session.cookie() | {"Origin": EVIL})
    return answer.headers.get("access-control-allow-origin")


async def socket_status(url: str, headers: dict[str, str]) -> int:
    """101, or the status of the refusal."""
    try:
        async with connect(url.replace("http", "ws", 1), additional_headers=headers, proxy=None):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


async def foreign_socket(house: House) -> int:
    """A foreign page opens the socket of a sync; 404 (there is no such sync) is past the guard."""
    session = await house.signed_in()
    url = f"{house.main_api}/api/sync/progress/syn_1"
    return await socket_status(url, session.cookie() | {"Origin": EVIL})


async def foreign_socket_behind(house: House) -> int:
    session = await house.signed_in()
    tokens = UserTokens(house.signing_key("main-api"))
    token = tokens.mint(audience=INTEGRATIONS, user_id=session.user_id, role="user", session_id="s")
    url = f"{house.integrations}/api/sync/progress/syn_1"
    return await socket_status(url, bearer(token) | {"Origin": EVIL})


def pages_of_evil(runtime: Any, _house: House) -> Any:
    return replace(runtime, allowed_origins=runtime.allowed_origins | {EVIL})


CREDULOUS = Built(app=believing(session_reader=cookie_alone))
EVIL_IS_OURS = Built(runtime=pages_of_evil)
EVIL_IS_LISTED = Built(settings=lambda _: LOOSE_PAGES)

ATTACKS = (
    Attack(
        "forgery: every change, from a foreign page",
        forged_changes,
        set(),
        CREDULOUS,
        {f"{method} {path}" for method, path in changes() if path != "/api/auth/logout"},
    ),
    Attack(
        "forgery: the right token, a foreign page",
        logout(Origin=EVIL),
        403,
        EVIL_IS_OURS,
        204,
    ),
    Attack(
        "forgery: no page named",
        logout(Origin=None),
        403,
        CREDULOUS,
        204,
    ),
    Attack(
        "forgery: our page, another session's token",
        logout(X_CSRF_Token="A" * 43),
        403,
        Mutant(
            "main_api/sessions/reader.py",
            " or not rules.same_secret(sent, csrf_token)",
        ),
        204,
    ),
    Attack(
        "forgery: a refresh from a foreign page",
        foreign_refresh,
        403,
        EVIL_IS_OURS,
        204,
    ),
    Attack(
        "forgery: a socket from a foreign page",
        foreign_socket,
        403,
        EVIL_IS_OURS,
        404,
    ),
    Attack(
        "forgery: a socket at the service behind",
        foreign_socket_behind,
        403,
        Built(INTEGRATIONS, settings=lambda _: LOOSE_PAGES),
        404,
    ),
    Attack(
        "CORS: a preflight of a foreign page",
        preflight,
        None,
        EVIL_IS_LISTED,
        EVIL,
    ),
    Attack(
        "CORS: an answer read by a foreign page",
        read_by_script,
        None,
        EVIL_IS_LISTED,
        EVIL,
    ),
)
